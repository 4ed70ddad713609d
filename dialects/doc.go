// Package dialects tells what a SQL text means, for every database that
// livesql speaks to, and keeps the registry of those databases.
//
// A text is understood in layers, each of which may only narrow what the one
// before it allowed:
//
//	text → [Scan]: own lexer, no grammar     what kind of statement, which names occur
//	     → own parser of clauses             which names are tables, which rows of them are meant
//	     → a [Parser], if one is registered  the same from an exact parser
//	     → closure over one [Catalog]        views, triggers, foreign keys behind those tables
//	     → [Analyzer] of a dialect           what the database itself tells
//
// Layers that contradict each other make a [Analysis.Conflict]. A [Memo] knows
// texts again that differ in literals and comments only.
//
// A text that is not understood is never a read, and counts as writing
// everything. Nothing here does I/O or imports a driver; the dialects in the
// folders below do.
package dialects
