package formats

import (
	"tidemark/producers/agents"
	"tidemark/producers/formats/rows"
)

// The logs of coding agents, see package agents.

var claudeCode = Format{
	FormatInfo: FormatInfo{
		Name: "claude-code", Description: "session logs of Claude Code, in ~/.claude/projects", NeedsTenant: true, Grows: true, Folder: []string{"*.jsonl"},
	},
	rows: func(l *rows.Lines, s Settings) (Rows, error) {
		return readReports(rows.Objects{Lines: l}, s, agents.ClaudeCode{})
	},
}

var codex = Format{
	FormatInfo: FormatInfo{
		Name: "codex", Description: "session logs of Codex, in ~/.codex/sessions", NeedsTenant: true, Grows: true, Folder: []string{"*.jsonl"},
	},
	rows: func(l *rows.Lines, s Settings) (Rows, error) {
		return readReports(rows.Objects{Lines: l}, s, agents.NewCodex())
	},
}

var geminiCLI = Format{
	FormatInfo: FormatInfo{
		Name: "gemini-cli", Description: "recorded chats of Gemini CLI, in ~/.gemini/tmp", NeedsTenant: true, Grows: true, Folder: []string{"session-*.json", "*.jsonl"},
	},
	rows: func(l *rows.Lines, s Settings) (Rows, error) {
		return readReports(rows.Objects{Lines: l, Within: agents.Messages}, s, agents.NewGeminiCLI())
	},
}

var qwenCode = Format{
	FormatInfo: FormatInfo{
		Name: "qwen-code", Description: "recorded chats of Qwen Code, in ~/.qwen", NeedsTenant: true, Grows: true, Folder: []string{"session-*.json", "*.jsonl"},
	},
	rows: func(l *rows.Lines, s Settings) (Rows, error) {
		return readReports(rows.Objects{Lines: l, Within: agents.Messages}, s, agents.NewQwenCode())
	},
}
