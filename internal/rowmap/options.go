package rowmap

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Merge is what becomes of a column that was changed here and elsewhere.
type Merge string

// The ways to merge, as they stand in a tag: `db:"stock,merge=sum"`.
const (
	MergeAsk    Merge = ""       // a conflict
	MergeSum    Merge = "sum"    // both changes of a number are added
	MergeMax    Merge = "max"    // the larger value stays
	MergeMin    Merge = "min"    // the smaller value stays
	MergeTheirs Merge = "theirs" // what the database has stays
	MergeMine   Merge = "mine"   // what was typed here is written
)

// Token is something that the database tells of a row, and that is another after
// each change of it.
type Token string

// The tokens, as they stand in a tag: `db:"xmin,token=xmin"`.
const (
	TokenXmin Token = "xmin" // of Postgres: the transaction that wrote the row; an integer
	TokenHash Token = "hash" // of all columns, mapped or not; a text
)

// Options are what a tag says beside the name of its column.
type Options struct {
	Key      bool   // pk
	Version  bool   // version: counts up with every update
	Token    Token  // token=…: changes with every update, and is no column
	ReadOnly bool   // readonly: read, never written
	Default  bool   // default: left to the database in an insert while it is nil
	Merge    Merge  // merge=…
	Group    string // merge=group:…; columns of one group change together
}

// ParseOptions reads options as they stand behind the name of a column in a tag.
func ParseOptions(text string) (Options, error) {
	tag := make(map[string]string)
	for option := range strings.SplitSeq(text, ",") {
		if name, value, _ := strings.Cut(strings.TrimSpace(option), "="); name != "" {
			tag[name] = value
		}
	}
	return parseOptions(tag)
}

func parseOptions(tag map[string]string) (Options, error) {
	var o Options
	for _, name := range slices.Sorted(maps.Keys(tag)) {
		value := tag[name]
		switch name {
		case "pk":
			o.Key = true
		case "version":
			o.Version = true
		case "token":
			if o.Token = Token(value); o.Token != TokenXmin && o.Token != TokenHash {
				return o, fmt.Errorf("unknown token %q (known: xmin, hash)", value)
			}
		case "readonly":
			o.ReadOnly = true
		case "default":
			o.Default = true
		case "merge":
			if group, ok := strings.CutPrefix(value, "group:"); ok && group != "" {
				o.Group = group
				continue
			}
			o.Merge = Merge(value)
			switch o.Merge {
			case MergeSum, MergeMax, MergeMin, MergeTheirs, MergeMine:
			default:
				return o, fmt.Errorf("unknown way to merge %q (known: sum, max, min, mine, theirs, group:name)", value)
			}
		default:
			return o, fmt.Errorf("unknown option %q (known: pk, version, token, readonly, default, merge)", name)
		}
	}
	return o, nil
}
