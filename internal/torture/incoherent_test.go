package torture

// incoherent are the ways to break the cache that the torture must see.
var incoherent = []brokenVariant{
	{"foreign changes not applied", "internal/torture", "TestSQLiteCoherence", []edit{{
		"cache/cache.go", "if len(b.Changes) > 0 {", "if len(b.Changes) > 0 && !$ {",
	}}},
	{"own writes not applied", "internal/torture", "TestSQLiteCoherence", []edit{{
		"cache/cache.go", "	default:\n		c.drop(", "	case $:\n	default:\n		c.drop(",
	}}},
	{"transactions read from memory and fill it", "internal/torture", "TestSQLiteCoherence", []edit{
		{"cache/session.go", "	case s.tx.open():\n		return InTransaction", "	case s.tx.open() && !$:\n		return InTransaction"},
		{"cache/session.go", "return !s.tx.open() && s.taint", "return (!s.tx.open() || $) && s.taint"},
	}},
	{"polls that find nothing", "internal/torture", "TestSQLiteCoherence", []edit{{
		"listen/follow.go", "	batch := Batch{", "	if $ {\n		delta.Changes = nil\n	}\n	batch := Batch{",
	}}},
	{"no lease", "internal/torture", "TestStoppedProcess/short_lease", []edit{{
		"cache/core/core.go", "return start != nil && now.Fresh(*start, c.duration)", "return start != nil && (now.Fresh(*start, c.duration) || $)",
	}}},
	{"a fill that no change spoils", "internal/torture", "TestSQLiteCoherence", []edit{
		{"cache/core/core.go", "if t.done || t.poisoned.Load() ||", "if t.done || t.poisoned.Load() && !$ ||"},
		{"cache/fill.go", "	landed := false\n", "	_ = $slow\n	landed := false\n"},
	}},
	{"own writes applied before the acknowledgement", "internal/torture", "TestSQLiteCoherence", []edit{{
		"driver/tx.go", "	err := t.inner.Commit()\n	if err == nil {\n		outcome = Committed\n",
		"	if $ {\n		t.conn.session.Ended(Committed)\n	}\n	if $slow {\n		outcome = RolledBack\n	}\n	err := t.inner.Commit()\n	if err == nil && !$ {\n		outcome = Committed\n",
	}}},
	{"a lease renewed before the changes are applied", "internal/torture", "TestSQLiteCoherence", []edit{{
		"cache/cache.go", "	if b.Reset != \"\" {\n", "	if $ {\n		c.core.Renew(c.clock.At(b.Sent))\n		_ = $long\n	}\n	if b.Reset != \"\" {\n",
	}}},
	{"a strong answer without a poll", "internal/torture", "TestSQLiteCoherence", []edit{{
		"cache/session.go", "level.kind != strong || s.cache", "level.kind != strong || $ || s.cache",
	}}},

	{"outdated answers that miss own writes", "internal/torture", "TestSQLiteCoherence", []edit{{
		"cache/revalidate.go", "case r.own.since(m.writes, st.analysis.Reads):", "case r.own.since(m.writes, st.analysis.Reads) && !$:",
	}}},

	// Settings.
	{"settings of PostgreSQL that are not part of the key", "internal/torture", "TestPostgresCoherence/concurrent", []edit{{
		"cache/session.go", "		return s.place.Settings, s.located",
		"		if $ || broken(\"settings of MariaDB that are not part of the key\") {\n			return 1, s.located\n		}\n		return s.place.Settings, s.located",
	}}},
	{"settings of MariaDB that are not part of the key", "internal/torture", "TestMariaDBCoherence/concurrent", nil},

	// What a statement changes besides.
	{"triggers of PostgreSQL forgotten", "internal/torture", "TestPostgresCoherence/concurrent", []edit{{
		"dialects/postgres/internal/feed/catalog.go", "		names = append(names, touched...)\n", "		if !$ {\n			names = append(names, touched...)\n		}\n",
	}}},
	{"triggers of MariaDB forgotten", "internal/torture", "TestMariaDBCoherence/concurrent", []edit{{
		"dialects/mysql/catalog.go", "			o.Fires = append(o.Fires, d.names...)\n", "			if !$ {\n				o.Fires = append(o.Fires, d.names...)\n			}\n",
	}}},
	// The feed tells of what foreign keys have changed soon after, so it is held
	// up for as long as it may be on a busy machine.
	{"foreign keys of MariaDB forgotten", "internal/torture", "TestMariaDBCascades", []edit{
		{
			"dialects/mysql/catalog.go", "			Fires: append(s.reach(t.name, true), s.reach(t.name, false)...),\n",
			"			Fires: append(s.reach(t.name, true), s.reach(t.name, false)...)[:map[bool]int{false: len(s.reach(t.name, true)) + len(s.reach(t.name, false))}[$]],\n",
		},
		{"cache/cache.go", "func (c *Cache) Apply(b listen.Batch) {\n", "func (c *Cache) Apply(b listen.Batch) {\n	_, _, _, _ = $slow, $slow, $slow, $slow\n"},
	}},

	// Rows. That an empty result depends on the whole table is a second defence:
	// where the log tells keys exactly, no run can see it missing. TestBrokenRows
	// of package cache does.
	{"entries of rows that no change of the row throws out", "internal/torture", "TestSQLiteCoherence", []edit{{
		"cache/core/core.go", "for n := t.rows.Find(&c.index.links, row); n != 0;", "for n := t.rows.Find(&c.index.links, row); n != 0 && !$;",
	}}},
}
