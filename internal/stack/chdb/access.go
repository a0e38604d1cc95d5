package chdb

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The engine would do to every statement what it does for a person at their own shell: read and write any file, and
// speak to any machine. Here statements come through a port, so its own access control is told to let them use the data
// folder and nothing else. What is not granted is refused, a thing of a newer engine too.

// grants are what statements may do. Sources (files, URLs, other servers), dictionaries, functions, named collections,
// users and backups are not among it.
var grants = []string{
	"GRANT CHECK, SHOW, SELECT, INSERT, ALTER, OPTIMIZE, TRUNCATE, UNDROP TABLE, KILL QUERY, KILL TRANSACTION, SYSTEM, dictGet, SET DEFINER ON *.*",
	"GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW, CREATE ARBITRARY TEMPORARY TABLE, CREATE TEMPORARY VIEW ON *.*",
	"GRANT DROP DATABASE, DROP TABLE, DROP VIEW, DROP DICTIONARY ON *.*",
	"REVOKE SYSTEM SHUTDOWN, SYSTEM JEMALLOC, SYSTEM INSTRUMENT ADD, SYSTEM INSTRUMENT REMOVE, SYSTEM FAILPOINT, SYSTEM THREAD FUZZER, SYSTEM LISTEN ON *.*",
}

// tableEngines keep their data in the engine's own folder, or nowhere. All others reach files or machines, or run
// programs or statements.
var tableEngines = []string{
	"MergeTree", "AggregatingMergeTree", "CollapsingMergeTree", "CoalescingMergeTree", "GraphiteMergeTree",
	"ReplacingMergeTree", "SummingMergeTree", "VersionedCollapsingMergeTree",
	"Log", "StripeLog", "TinyLog", "Memory", "Null", "Set", "Join", "Buffer", "Merge", "GenerateRandom", "FuzzJSON",
	"View", "MaterializedView", "WindowView", "Alias", "Loop",
}

// OwnTableEngine reports whether tables of an engine keep to the data folder. A name that is no engine's is none's to
// refuse. The engine itself asks for a grant only for those that have a grant for their kind of source.
func (e *Engine) OwnTableEngine(name string) bool {
	_, exists := e.tableEngines[name]
	return !exists || slices.Contains(tableEngines, name) || e.kafkaTables && name == kafkaEngine
}

// kafkaEngine reads from brokers. Only Options.KafkaTables grants it.
const kafkaEngine = "Kafka"

// fixedSettings cannot be changed: each names a file or a URL, or holds SQL that nobody would look at.
var fixedSettings = []string{
	"format_schema", "output_format_schema", "format_template_row", "format_template_resultset", "format_avro_schema_registry_url",
	"dialect", "additional_table_filters", "additional_result_filter", "allow_experimental_eval_table_function",
	"allow_experimental_ai_functions", "allow_python_table_function",
	"merge_tree_disk", // CREATE TABLE ... SETTINGS disk = disk(type = ...)
}

// shadows are functions that the engine lets everybody call and that reach files, with their number of arguments. A
// function of the user's goes before the engine's own of the same name wherever that is written, in texts that the
// engine reads later (a DEFAULT in a table function's structure) too; so each of them has one that only refuses.
var shadows = map[string]string{"file": "path", "catboostEvaluate": "path"}

// writeAccess writes what the engine reads its access rules from: the file of users, and the shadows in its folder.
func writeAccess(dir string, kafkaTables bool) error {
	folder := filepath.Join(dir, "user_defined")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for name, argument := range shadows {
		sql := fmt.Sprintf("CREATE FUNCTION %s AS (%s) -> throwIf(1, 'ACCESS_DENIED: the function %s reads files, and statements that come through the port may not')\n", name, argument, name)
		if err := writeFile(filepath.Join(folder, "function_"+name+".sql"), sql); err != nil {
			return err
		}
	}
	return writeFile(usersFile(dir), users(kafkaTables))
}

// writeFile leaves a file alone that is as it should be, so that a start needs no room on a full disk, and breaks none.
func writeFile(path, content string) error {
	if have, err := os.ReadFile(path); err == nil && string(have) == content {
		return nil
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

func usersFile(dir string) string { return dir + ".users.xml" }

// users returns the engine's configuration of its one user. The statements' texts need no escaping.
func users(kafkaTables bool) string {
	var b strings.Builder
	values, constraints := pins()
	b.WriteString("<clickhouse>\n  <profiles><default>" + values + "<constraints>" + constraints + "\n")
	for _, name := range fixedSettings {
		fmt.Fprintf(&b, "    <%[1]s><const/></%[1]s>\n", name)
	}
	b.WriteString("  </constraints></default></profiles>\n  <quotas><default></default></quotas>\n  <users><default>\n")
	b.WriteString("    <password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>\n    <grants>\n")
	for _, grant := range grants {
		fmt.Fprintf(&b, "      <query>%s</query>\n", grant)
	}
	for _, engine := range tableEngines {
		fmt.Fprintf(&b, "      <query>GRANT TABLE ENGINE ON %s</query>\n", engine)
	}
	if kafkaTables {
		fmt.Fprintf(&b, "      <query>GRANT TABLE ENGINE ON %[1]s</query>\n      <query>GRANT READ, WRITE ON %[1]s</query>\n", kafkaEngine)
	}
	b.WriteString("    </grants>\n  </default></users>\n</clickhouse>\n")
	return b.String()
}
