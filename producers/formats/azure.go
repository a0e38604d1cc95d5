package formats

import (
	"tidemark/producers/formats/numbers"
	"tidemark/producers/formats/rows"
)

// azureLLM is the Azure LLM inference traces.
var azureLLM = Format{
	FormatInfo: FormatInfo{
		Name:        "azure-llm",
		Published:   true,
		Description: "CSV of the Azure LLM inference traces: TIMESTAMP,ContextTokens,GeneratedTokens; UTC where the time has no zone",
	},
	source: "azure-llm-2023", tenant: "azure-llm-2023", product: "chat", provider: "azure",
	columns: []rows.Column{
		azureTime: {Name: "TIMESTAMP", Required: true}, azureInput: {Name: "ContextTokens", Required: true}, azureOutput: {Name: "GeneratedTokens", Required: true},
	},
	fields: map[string]int{"time_us": azureTime, "input_uncached": azureInput, "output_visible": azureOutput},
	read:   rows.CSV, fill: fillAzure,
}

// Columns of azure-llm.
const (
	azureTime = iota
	azureInput
	azureOutput
)

func fillAzure(c *call, v []string) (int, string) {
	var text string
	if c.time, text = parseTime(v[azureTime]); text != "" {
		return azureTime, text
	}
	if c.event.InputUncached, text = numbers.ParseCount(v[azureInput], &c.input); text != "" {
		return azureInput, text
	}
	c.event.OutputVisible, text = numbers.ParseCount(v[azureOutput], &c.output)
	return azureOutput, text
}
