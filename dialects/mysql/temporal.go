package mysql

import (
	"slices"
	"strings"
)

// Where a time of day becomes a date, or is compared with one, the server takes
// the date of today. This file finds out where that may be: where a text has to
// do with both. Strings never become dates in that way.

// temporal is a column of the type TIME, or one with a date in it.
type temporal struct {
	name string
	time bool
}

// note remembers what matters of a column beside its being in a key.
func (t *table) note(c column, expression string, stored bool) {
	switch c.dataType {
	case "time":
		t.temporal = append(t.temporal, temporal{strings.ToLower(c.name), true})
	case "date", "datetime", "timestamp":
		t.temporal = append(t.temporal, temporal{strings.ToLower(c.name), false})
	case "float":
		t.floats = append(t.floats, c.name)
	}
	if expression != "" && !stored {
		t.expressions = append(t.expressions, expression)
	}
}

// mixture collects what a text has to do with.
type mixture struct {
	names      []string
	every      bool // columns of which it names none
	time, date bool
	either     bool // str_to_date makes both
}

// mention adds names and calls, of the text or of what it runs.
func (m *mixture) mention(names, calls []string, time bool) {
	m.names = append(m.names, names...)
	m.time = m.time || time || slices.ContainsFunc(calls, func(c string) bool { return timeFunctions[c] })
	m.either = m.either || slices.Contains(calls, "str_to_date")
	m.date = m.date || slices.ContainsFunc(calls, func(c string) bool { return dateFunctions[c] }) ||
		slices.ContainsFunc(names, func(n string) bool { return n == "date" || n == "datetime" || n == "timestamp" }) ||
		slices.Contains(names, "interval") && slices.ContainsFunc(names, func(n string) bool { return days[n] }) // t + INTERVAL 1 MONTH
}

// columns adds the columns of a table, of those that are mentioned.
func (m *mixture) columns(t *table) {
	for _, c := range t.temporal {
		if m.every || slices.Contains(m.names, c.name) {
			m.time, m.date = m.time || c.time, m.date || !c.time
		}
	}
}

// star reports whether columns may meet that a text does not name: those of
// tables that are joined by the names of all, those of the sides of a UNION,
// those that a query gets from another one.
func star(text string) bool {
	text = strings.ToLower(text)
	queries := strings.Count(text, "select") + strings.Count(text, "table")
	return strings.Contains(text, "natural") || queries > 1 && (strings.Contains(text, "*") || strings.Contains(text, "table"))
}

// mixed reports whether both were seen.
func (m *mixture) mixed() bool {
	return m.time && m.date || m.either && (m.time || m.date)
}

var (
	timeFunctions = words(`addtime maketime sec_to_time subtime time timediff`)
	dateFunctions = words(`
		add_months adddate convert_tz current_date date date_add date_format date_sub datediff day dayname
		dayofmonth dayofweek dayofyear extract from_days from_unixtime get_format last_day makedate month
		monthname quarter subdate timestamp timestampadd timestampdiff to_char to_days
		to_seconds week weekday weekofyear year yearweek
	`)
)

// days are the units of intervals that a time of day has none of.
var days = words(`day day_hour day_microsecond day_minute day_second month quarter week year year_month`)

func words(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}
