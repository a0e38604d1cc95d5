package macros

import (
	"strings"
	"testing"
	"time"
)

// documented is the range that the plugin's documentation uses in its examples.
func documented() Scope {
	return Scope{From: time.UnixMilli(1415792726123), To: time.UnixMilli(1447328726456), Interval: 20 * time.Second,
		Variables: map[string]Value{
			"tenant":    {Values: []string{"acme", "o'neil"}, Multi: true},
			"one":       {Values: []string{"acme"}, Multi: true},
			"none":      {Multi: true},
			"all":       {Values: []string{"a", "b"}, Multi: true, All: true},
			"allValue":  {Multi: true, All: true, AllValue: ".*"},
			"allSQL":    {All: true, AllValue: "SELECT ${single:singlequote} WHERE $__timeFrom(t) -- all"},
			"single":    {Values: []string{"acme"}},
			"number":    {Values: []string{"1.5"}},
			"words":     {Values: []string{"a", "b"}, Multi: true},
			"text":      {Values: []string{"gpt-4 (new)"}},
			"empty":     {Values: []string{""}},
			"hostile":   {Values: []string{`x\' OR 1=1 -- `}},
			"domain":    {Values: []string{`CORP\alice`}},
			"ends":      {Values: []string{`x\`}},
			"macro":     {Values: []string{"$__fromTime $__timeFilter(x"}},
			"strange":   {Values: []string{`a,b&c=d%2C{}'"\`, "ü $__interval\n"}, Multi: true},
			"broken":    {Values: []string{"a\xffb"}, Multi: true},
			"namespace": {Values: []string{"tide\"mark"}},
			"selfish":   {All: true, AllValue: "$selfish"},
		}}
}

func TestExpand(t *testing.T) {
	tests := []struct{ name, sql, want string }{
		// The plugin's documentation.
		{"dateFilter", "$__dateFilter(date)", "date >= toDate('2014-11-12') AND date <= toDate('2015-11-12')"},
		{"timeFilter", "$__timeFilter(time)", "time >= toDateTime(1415792726) AND time <= toDateTime(1447328726)"},
		{"timeFilter_ms", "$__timeFilter_ms(time)", "time >= fromUnixTimestamp64Milli(1415792726123) AND time <= fromUnixTimestamp64Milli(1447328726456)"},
		{"dateTimeFilter", "$__dateTimeFilter(d, t)", "(d >= toDate('2014-11-12') AND d <= toDate('2015-11-12')) AND (t >= toDateTime(1415792726) AND t <= toDateTime(1447328726))"},
		{"dt", "$__dt(d,t)", "(d >= toDate('2014-11-12') AND d <= toDate('2015-11-12')) AND (t >= toDateTime(1415792726) AND t <= toDateTime(1447328726))"},
		{"fromTime", "t >= $__fromTime AND t < $__toTime", "t >= toDateTime(1415792726) AND t < toDateTime(1447328726)"},
		{"fromTime_ms", "($__fromTime_ms, $__toTime_ms)", "(fromUnixTimestamp64Milli(1415792726123), fromUnixTimestamp64Milli(1447328726456))"},
		{"fromTime with brackets", "$__fromTime()", "toDateTime(1415792726)"},
		{"interval_s", "INTERVAL $__interval_s second", "INTERVAL 20 second"},
		{"timeInterval", "$__timeInterval(column)", "toStartOfInterval(toDateTime(column), INTERVAL 20 second)"},
		{"timeInterval_ms", "$__timeInterval_ms(column)", "toStartOfInterval(toDateTime64(column, 3), INTERVAL 20000 millisecond)"},
		{"timeFrom", "$__timeFrom(t)", "t >= toDateTime(1415792726)"},
		{"timeTo", "$__timeTo(t)", "t <= toDateTime(1447328726)"},
		{"timeGroup", "$__timeGroup(t, 5m)", "toStartOfInterval(toDateTime(t), INTERVAL 300 second)"},
		{"timeGroup quoted", "$__timeGroup(t, '1h')", "toStartOfInterval(toDateTime(t), INTERVAL 3600 second)"},
		{"timeGroup of the interval", "$__timeGroup(t, $__interval)", "toStartOfInterval(toDateTime(t), INTERVAL 20 second)"},
		{"argument with brackets", "$__timeFilter(cast(x AS timestamp) )", "cast(x AS timestamp) >= toDateTime(1415792726) AND cast(x AS timestamp) <= toDateTime(1447328726)"},
		{"argument with a literal", "$__timeFrom(f(')', ','))", "f(')', ',') >= toDateTime(1415792726)"},
		{"macro in a macro", "$__timeFrom($__timeInterval(t))", "toStartOfInterval(toDateTime(t), INTERVAL 20 second) >= toDateTime(1415792726)"},
		{"macro in a macro, shorter", "$__timeInterval($__fromTime)", "toStartOfInterval(toDateTime(toDateTime(1415792726)), INTERVAL 20 second)"},

		// Grafana's own.
		{"from and to", "$__from ${__to} [[__from]]", "1415792726123 1447328726456 1415792726123"},
		{"date", "'${__from:date}' '${__from:date:iso}' ${__to:date:seconds} ${__to:date:ms}", "'2014-11-12T11:45:26.123Z' '2014-11-12T11:45:26.123Z' 1447328726 1447328726456"},
		{"interval", "$__interval $__interval_ms '$__interval'", "20s 20000 '20s'"},
		{"from quoted", "${__from:singlequote}", "'1415792726123'"},

		// Variables.
		{"list", "IN ($words)", `IN ('a','b')`},
		{"list of one", "IN ($one)", "IN ('acme')"},
		{"list of none", "IN ($none)", "IN ('')"},
		{"list of all", "IN ($all)", "IN ('a','b')"},
		{"single", "$single ${single} [[single]] [[single:raw]]", "acme acme acme acme"},
		{"number", "x > $number", "x > 1.5"},
		{"singlequote", "IN (${tenant:singlequote}) = ${single:singlequote}", `IN ('acme','o\'neil') = 'acme'`},
		{"singlequote of none", "IN (${none:singlequote})", "IN ()"},
		{"a backslash stays", "${domain:singlequote} ${domain:sqlstring} ${domain:doublequote}", `'CORP\alice' 'CORP\alice' "CORP\alice"`},
		{"sqlstring", "${tenant:sqlstring} ${namespace:sqlstring}", `'acme','o''neil' 'tide\"mark'`},
		{"doublequote", "FROM ${namespace:doublequote}.t", `FROM "tide\"mark".t`},
		{"csv raw", "${words:csv} ${words:raw}", "a,b a,b"},
		{"pipe", "match(x, '${words:pipe}')", "match(x, 'a|b')"},
		{"glob", "'${words:glob}' '${one:glob}'", "'{a,b}' 'acme'"},
		{"json", "has(${words:json}, x) '${single:json}'", `has(["a","b"], x) 'acme'`},
		{"regex", "match(x, '${words:regex}')", "match(x, '(a|b)')"},
		{"distributed", "'${words:distributed}'", "'a,words=b'"},
		{"percentencode", "'${words:percentencode}' '${text:percentencode}'", "'%7Ba%2Cb%7D' 'gpt-4%20%28new%29'"},
		{"percentencode of everything", "'${hostile:percentencode}' '${none:percentencode}'", "'x%5C%27%20OR%201%3D1%20--%20' '%7B%7D'"},
		{"queryparam", "'${words:queryparam}' '${all:queryparam}'", "'var-words=a&var-words=b' 'var-all=$__all'"},
		{"queryparam of everything", "'${ends:queryparam}' '${text:queryparam}'", "'var-ends=x%5C' 'var-text=gpt-4%20%28new%29'"},
		{"customqueryparam", "'${words:customqueryparam}' '${single:customqueryparam}' '${none:customqueryparam}' '${all:customqueryparam:p:x-}'", "'words=a&words=b' 'single=acme' '' 'p=x-a&p=x-b'"},
		{"customqueryparam of everything", "'${strange:customqueryparam}' '${macro:customqueryparam}'", "'strange=a%2Cb%26c%3Dd%252C%7B%7D%27%22%5C&strange=%C3%BC%20%24__interval%0A' 'macro=%24__fromTime%20%24__timeFilter%28x'"},
		{"customqueryparam of no UTF-8", "'${broken:customqueryparam}'", "'broken=a%EF%BF%BDb'"},
		{"customqueryparam, allValue", "'${allValue:customqueryparam}'", "'.*'"},
		{"text", "'${words:text}' '${all:text}' '${allValue:text}'", "'a + b' 'All' 'All'"},
		{"within quotes", "LIKE '%$text%' AND \"$single\" = `${single}`", "LIKE '%gpt-4 (new)%' AND \"acme\" = `acme`"},
		{"empty within quotes", "LIKE '%$empty%'", "LIKE '%%'"},
		{"allValue", "match(x, '$allValue') '${allValue:singlequote}'", "match(x, '.*') '.*'"},
		{"allValue with references", "$allSQL", "SELECT 'acme' WHERE t >= toDateTime(1415792726)       "},

		// $__conditionalAll.
		{"condition kept", "$__conditionalAll(tenant IN (${tenant:singlequote}), $tenant)", `tenant IN ('acme','o\'neil')`},
		{"condition kept, braces", "$__conditionalAll(x IN ($one),${one})", "x IN ('acme')"},
		{"condition dropped", "WHERE $__conditionalAll(x IN ($all), $all) AND y", "WHERE 1=1 AND y"},
		{"condition dropped, allValue", "$__conditionalAll(x IN ($allValue), $allValue)", "1=1"},
		{"condition dropped, empty", "$__conditionalAll(x = ${empty:singlequote}, $empty) $__conditionalAll(x, $none)", "1=1 1=1"},
		{"conditions nested", "$__conditionalAll(a AND $__conditionalAll(b, $all), $one)", "a AND 1=1"},
		{"condition with a macro", "$__conditionalAll($__timeFrom(t), $one)", "t >= toDateTime(1415792726)"},

		// What is left alone.
		{"comments", "a -- $nope\nb /* $nope /* ' */ */ c // \"\nd # x\ne #!x", "a         \nb                     c     \nd    \ne    "},
		{"no comments", "'--' \"/*\" `#`", "'--' \"/*\" `#`"},
		{"dollar in quotes", "match(x, '^a$') AND y = '$ ${ $)'", "match(x, '^a$') AND y = '$ ${ $)'"},
		{"arrays", "[1][1] [[1, 2], [3]] '[[:alpha:]]'", "[1][1] [[1, 2], [3]] '[[:alpha:]]'"},
		{"quotes", `'it''s' 'a\'b' '\\' ''`, `'it''s' 'a\'b' '\\' ''`},
		{"a value with a macro", "'${macro:percentencode}'", "'%24__fromTime%20%24__timeFilter%28x'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Expand(tt.sql, documented())
			if err != nil || got != tt.want {
				t.Errorf("Expand(%q)\n got %q, %v\nwant %q", tt.sql, got, err, tt.want)
			}
		})
	}
}

func TestExpandRefuses(t *testing.T) {
	tests := []struct{ sql, want string }{
		{"$nope", "$nope: unknown variable \"nope\": the dashboard has all, allSQL,"},
		{"[[nope]]", "an array within an array"},
		{"$__nope(x)", "$__nope: unknown macro $__nope"},
		{"${__timeFilter}(x)", "write $__timeFilter(...)"},
		{"${__conditionalAll}", "write $__conditionalAll(...)"},
		{"$__range_s", "($__to - $__from)"},
		{"$__rate_interval", "$__interval_s"},
		{"$__columns(t, k, v) FROM x", "write the statement out"},
		{"${single:lucene}", "unknown format \"lucene\": there are csv, customqueryparam, distributed,"},
		{"${hostile:singlequote}", "ends its literal early, since Grafana escapes no backslash"},
		{"${hostile:sqlstring}", "ends its literal early"},
		{"${ends:singlequote}", "ends its literal early"},
		{"${ends:sqlstring}", "ends its literal early"},
		{"${ends:doublequote}", "ends its literal early"},
		{"IN ($tenant)", "ends its literal early"},
		{"IN ($strange)", "ends its literal early"},
		{"${macro:singlequote}", "the value has $__fromTime"},
		{"'$macro'", "the value has $__fromTime"},
		{"'${macro:queryparam}'", "the value has $__fromTime"},
		{"x = ${text:percentencode}", "not a plain word"},
		{"x = ${single:customqueryparam}", "not a plain word"},
		{"${single.text}", "fields of a value"},
		{"${__from:date:YYYY-MM}", "browser's time zone"},
		{"${__interval:date}", "not a time"},
		{"${__from:nope}", "unknown format"},
		{"'${__from:singlequote}'", "within quotes"},
		{"$__timeFilter", "0 arguments where it takes 1"},
		{"$__timeFilter()", "0 arguments"},
		{"$__timeFilter(a, b)", "2 arguments"},
		{"$__dt(a)", "1 arguments where it takes 2"},
		{"$__timeFilter(a", "the argument list has no end"},
		{"$__timeGroup(t, 1d)", "it knows no days"},
		{"$__timeGroup(t, 0s)", "not positive"},
		{"'$__dateFilter(d)'", "cannot stand within quotes"},
		{"$__conditionalAll(a, $nope)", "unknown variable"},
		{"$__conditionalAll(a)", "1 arguments; write"},
		{"$__conditionalAll", "no arguments"},
		{"$__conditionalAll(a = 'x,y', $one)", "without brackets or commas in string literals"},
		{"$__conditionalAll(a = ')', $one)", "without brackets or commas in string literals"},
		{"$__conditionalAll(a, ${one:csv})", "not a variable without a format"},
		{"$__conditionalAll(a, one)", "not a variable without a format"},
		{"$__conditionalAll(match(a, 'b$'), $one)", "the plugin garbles"},
		{"'$__conditionalAll(a, $one)'", "cannot stand within quotes"},
		{"x = $hostile", "not a plain word or number"},
		{"x = $text", "use a format that quotes"},
		{"x = ${tenant:csv}", "not a plain word"},
		{"x = ${namespace:raw}", "not a plain word"},
		{"x = $empty", "an empty value needs a format that quotes"},
		{"x = ${none:csv}", "an empty value"},
		{"x = '$hostile'", "has a quote, backslash or control character"},
		{"x = '${hostile:singlequote}'", "take the ' around it away"},
		{"x = '$tenant'", "take the ' around it away"},
		{"x = \"$namespace\"", "has a quote"},
		{"x = '${number:regex}'", "in this format has a ' or backslash"},
		{`x = '\$single'`, "a backslash before"},
		{"$$x$$", "a dollar that starts no reference"},
		{"a $ b", "a dollar that starts no reference"},
		{"${a b}", "a dollar that starts no reference"},
		{"'abc", "a quote without an end"},
		{`'abc\'`, "a quote without an end"},
		{"/* abc /* */", "a comment without an end"},
		{"-- a\rb", "carriage return"},
		{"‘$single’", "a typographic quote"},
		{"$selfish", "does an allValue name its own variable?"},
	}
	for _, tt := range tests {
		got, err := Expand(tt.sql, documented())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Expand(%q)\n got %q, %v\nwant an error with %q", tt.sql, got, err, tt.want)
		}
	}
	s := documented()
	s.Variables["single"] = Value{Values: []string{"a", "b"}}
	if _, err := Expand("${single:singlequote}", s); err == nil || !strings.Contains(err.Error(), "2 values for a variable that takes one") {
		t.Errorf("two values of a single variable: %v", err)
	}
	s.Variables["single"] = Value{Values: []string{strings.Repeat("x", 1<<20)}}
	deep := strings.Repeat("$__timeFilter(", 10) + "${single:singlequote}" + strings.Repeat(")", 10)
	if _, err := Expand(deep, s); err == nil || !strings.Contains(err.Error(), "grows beyond 16 MiB") {
		t.Errorf("a statement that doubles ten times: %v", err)
	}
	if _, err := Expand("$x", Scope{}); err == nil || !strings.Contains(err.Error(), "the dashboard has none") {
		t.Errorf("no variables: %v", err)
	}
}

// TestSafe holds which references are right for every value: none that Grafana only quotes.
func TestSafe(t *testing.T) {
	for _, sql := range []string{
		"SELECT $__fromTime_ms, '$__interval', '${single:percentencode}', '${tenant:customqueryparam}', '${single:customqueryparam:p}' FROM \"${namespace:percentencode}\".t",
		"SELECT $__conditionalAll(a = '${all:customqueryparam}', $all)",
		"SELECT 'allValue' = '${allValue:customqueryparam}' -- ${tenant:raw}",
	} {
		if err := Safe(sql, documented()); err != nil {
			t.Errorf("Safe(%q): %v", sql, err)
		}
	}
	for _, sql := range []string{
		"${tenant:singlequote}", "${tenant:sqlstring}", "${namespace:doublequote}", "$tenant", "$single", "'$single'", "[[single]]", "'${single:raw}'", "'${tenant:csv}'", "${tenant:json}", "'${single:regex}'", "'${tenant:pipe}'",
		"'${single:queryparam}'", "'${tenant:percentencode}'", "${single:percentencode}", "t_${single:customqueryparam}", "$__timeFilter(f(${single:singlequote}))", "$__conditionalAll(a = $all, $all)", "'${allValue}'", "$nope",
	} {
		if err := Safe(sql, documented()); err == nil {
			t.Errorf("Safe(%q) lets it through", sql)
		}
	}
}

func TestReferences(t *testing.T) {
	tests := []struct{ sql, want string }{
		{"SELECT 1", ""},
		{"$tenant ${one:csv} '$single' $__from -- $nope", "one single tenant"},
		{"$__conditionalAll(x IN ($all), $all) AND $__conditionalAll(y = $one, $tenant)", "one"},
		{"$allSQL", "allSQL single"},
		{"$__timeGroup($words, $hostile)", "hostile words"},
	}
	for _, tt := range tests {
		got, err := References(tt.sql, documented())
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("References(%q) = %v, %v; want %q", tt.sql, got, err, tt.want)
		}
	}
	if _, err := References("$nope", documented()); err == nil {
		t.Error("an unknown variable is not noticed")
	}
}
