package rowmap

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/jmoiron/sqlx/reflectx"
)

// Plan maps the columns of rows of one type. It is immutable; its methods may
// be called concurrently.
type Plan struct {
	row     reflect.Type // of a row: a pointer
	memory  memory       // of a row; none if it is untyped
	fields  []Field
	index   map[string]int // by column
	key     Bits
	version int // -1: there is none
	token   int // -1: there is none
	units   []Bits
	untyped bool

	compare  []comparison // of each column, packed for Diff
	deep     Bits         // columns that an assignment would share
	behind   bool         // a field lies behind a pointer
	keyed    bool         // see Keyed
	all      Bits
	writable Bits
	passive  Bits
	sized    Bits                           // columns whose values differ in size
	number   func(row unsafe.Pointer) int64 // the key, if it is one signed integer
}

// Field is one mapped column.
type Field struct {
	Column
	Options

	GoName string       // the field of the struct, "" in an untyped row
	Type   reflect.Type // of the field; nil in an untyped row

	path  []step
	equal func(a, b unsafe.Pointer) bool
	clone func(dst, src unsafe.Pointer)
	read  func(at unsafe.Pointer) any

	integer func(at unsafe.Pointer) any // see Integer; nil for others
}

// comparison compares one column: at is its offset, or the whole row goes to
// equal.
type comparison struct {
	at    uintptr
	equal func(a, b unsafe.Pointer) bool
}

// step is one step from the row to a field: an offset, behind which a pointer
// to an embedded struct may have to be followed.
type step struct {
	offset uintptr
	embeds reflect.Type // of the struct that the pointer at offset points to; nil at the field itself
}

// mapper reads tags as sqlx does.
var mapper = reflectx.NewMapperFunc("db", strings.ToLower)

var plans sync.Map // of *Plan by reflect.Type

// For returns the plan of a struct type, which knows the tags and nothing of
// the database. It is made once per type.
func For[T any]() (*Plan, error) {
	t := reflect.TypeFor[T]()
	if p, ok := plans.Load(t); ok {
		return p.(*Plan), nil
	}
	p, err := newPlan(t, memoryOf[T]())
	if err != nil {
		return nil, fmt.Errorf("livesql: type %v: %w", t, err)
	}
	made, _ := plans.LoadOrStore(t, p)
	return made.(*Plan), nil
}

func newPlan(t reflect.Type, m memory) (*Plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, errors.New("a row must be a struct")
	}
	p := &Plan{row: reflect.PointerTo(t), memory: m}
	known := mapper.TypeMap(t)
	for _, info := range known.Index {
		// A dot stands in the names of what lies in a struct that is a column
		// itself.
		if strings.Contains(info.Path, ".") || known.Names[info.Path] != info {
			continue
		}
		o, err := parseOptions(info.Options)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", info.Field.Name, err)
		}
		f := Field{
			Column:  Column{Name: info.Path, Key: o.Key, Default: o.Default, Nullable: true},
			Options: o, GoName: info.Field.Name, Type: info.Field.Type,
			path: pathOf(t, info.Index),
		}
		p.fields = append(p.fields, f)
	}
	return p, p.finish()
}

// pathOf finds the way to a field through the embedded structs.
func pathOf(t reflect.Type, index []int) []step {
	path := []step{{}}
	for i, n := range index {
		f := t.Field(n)
		last := &path[len(path)-1]
		last.offset += f.Offset
		t = f.Type
		if i < len(index)-1 && t.Kind() == reflect.Pointer {
			t = t.Elem()
			last.embeds = t
			path = append(path, step{})
		}
	}
	return path
}

// Untyped returns the plan of rows that are map[string]any, with these
// columns. Tags are the options of columns, which no struct can tell.
func Untyped(columns []Column, tags map[string]Options) (*Plan, error) {
	p := &Plan{row: reflect.TypeFor[*map[string]any](), untyped: true}
	for _, c := range columns {
		o := tags[c.Name]
		o.Key = o.Key || c.Key
		c.Key = o.Key
		p.fields = append(p.fields, Field{Column: c, Options: o})
	}
	p.keyed = p.holdsKey(columns)
	for name := range tags {
		if !containsColumn(columns, name) {
			return nil, fmt.Errorf("livesql: options for column %q, which the table does not have", name)
		}
	}
	return p, p.finish()
}

func containsColumn(columns []Column, name string) bool {
	for i := range columns {
		if columns[i].Name == name {
			return true
		}
	}
	return false
}

// Bind returns the plan for a table with these columns: it compares as the
// columns do, and knows the key of the table if no tag names one. A field
// without a column is an error; a column without a field is not touched.
func (p *Plan) Bind(columns []Column) (*Plan, error) {
	bound := &Plan{row: p.row, memory: p.memory, untyped: p.untyped, fields: append([]Field(nil), p.fields...)}
	tagged := !p.key.Empty()
	for i := range bound.fields {
		f := &bound.fields[i]
		switch f.Token {
		case TokenXmin:
			f.Column = Column{Name: f.Name, Kind: Int, Type: "bigint", Generated: true}
			continue
		case TokenHash:
			f.Column = Column{Name: f.Name, Kind: Text, Type: "text", Generated: true}
			continue
		}
		c, ok := find(columns, f.Name)
		if !ok {
			return nil, fmt.Errorf("livesql: field %s of %v: the table has no column %q", f.GoName, p.row.Elem(), f.Name)
		}
		f.Column = c
		f.Column.Default = c.Default || f.Options.Default
		if tagged {
			f.Column.Key = f.Options.Key
		} else {
			f.Options.Key = c.Key
		}
	}
	bound.keyed = bound.holdsKey(columns)
	return bound, bound.finish()
}

// holdsKey reports whether the database has a primary key, and all of its columns
// are of the key.
func (p *Plan) holdsKey(columns []Column) bool {
	has := false
	for i := range columns {
		if !columns[i].Key {
			continue
		}
		has = true
		if !slices.ContainsFunc(p.fields, func(f Field) bool { return f.Options.Key && strings.EqualFold(f.Name, columns[i].Name) }) {
			return false
		}
	}
	return has
}

// find looks for a column by its name, and by its name in another case if
// there is only one such column.
func find(columns []Column, name string) (Column, bool) {
	var found Column
	n := 0
	for _, c := range columns {
		if c.Name == name {
			return c, true
		}
		if strings.EqualFold(c.Name, name) {
			found = c
			n++
		}
	}
	return found, n == 1
}

// finish compiles what follows from the fields.
func (p *Plan) finish() error {
	if n := len(p.fields); n == 0 || n > MaxColumns {
		return fmt.Errorf("%d mapped columns, must be 1 to %d", n, MaxColumns)
	}
	p.index = make(map[string]int, len(p.fields))
	p.version, p.token, p.key, p.units, p.deep = -1, -1, Bits{}, nil, Bits{}
	p.all, p.writable, p.sized, p.behind = Bits{}, Bits{}, Bits{}, false
	p.compare = make([]comparison, len(p.fields))
	groups := make(map[string]int)
	for i := range p.fields {
		f := &p.fields[i]
		if _, twice := p.index[f.Name]; twice {
			return fmt.Errorf("column %q is mapped twice", f.Name)
		}
		p.index[f.Name] = i
		p.all.Set(i)
		if !f.ReadOnly && !f.Generated && !f.Version && f.Token == "" {
			p.writable.Set(i)
		}
		if f.Options.Key {
			p.key.Set(i)
		}
		if f.Version {
			if p.version >= 0 {
				return fmt.Errorf("two version columns: %q and %q", p.fields[p.version].Name, f.Name)
			}
			p.version = i
		}
		if f.Token != "" {
			if p.token >= 0 || f.Options.Key || f.Version {
				return fmt.Errorf("column %q: a second token, or a token that is something else, too", f.Name)
			}
			p.token = i
		}
		if f.Group != "" {
			if _, ok := groups[f.Group]; !ok {
				groups[f.Group] = len(p.units)
				p.units = append(p.units, Bits{})
			}
			p.units[groups[f.Group]].Set(i)
		}
		if p.untyped {
			p.sized.Set(i)
			f.equal, f.clone = untypedField(&f.Column)
			p.compare[i].equal = f.equal
			continue
		}
		f.equal = comparer(f.Type, &f.Column)
		f.clone = cloner(f.Type)
		f.read = reader(f.Type)
		f.integer = integerOf(f.Type)
		if k := f.Type.Kind(); k == reflect.String || k == reflect.Slice {
			p.sized.Set(i)
		}
		if !plain(f.Type) {
			p.deep.Set(i)
		}
		p.compare[i] = comparison{f.path[0].offset, f.equal}
		if len(f.path) > 1 {
			p.compare[i] = comparison{0, f.same}
			p.behind = true
		}
	}
	p.passive = p.all.Without(p.writable)
	for _, unit := range p.units {
		p.passive = p.passive.Without(unit)
	}
	p.number = nil
	if i := p.key.first(); p.key.Len() == 1 && !p.untyped && len(p.fields[i].path) == 1 {
		p.number = integer(p.fields[i].Type, p.fields[i].path[0].offset)
	}
	return nil
}

// Fields are the mapped columns. The caller must not change them.
func (p *Plan) Fields() []Field { return p.fields }

// Index returns the position of a column, which may also be named by its Go
// field.
func (p *Plan) Index(name string) (int, bool) {
	if i, ok := p.index[name]; ok {
		return i, true
	}
	for i := range p.fields {
		if p.fields[i].GoName == name && name != "" {
			return i, true
		}
	}
	return 0, false
}

// Exact reports whether two values of the field that differ are different to
// the database, too. Of types that are not known to this package, and of times
// as text, there may be several spellings.
func (f *Field) Exact() bool {
	switch f.Kind {
	case Unknown:
		return f.Column.Type == ""
	case Instant, WallClock, Date:
		return f.Type != nil && f.Type.Kind() != reflect.String
	default:
		return true
	}
}

// Key returns the columns of the primary key.
func (p *Plan) Key() Bits { return p.key }

// Keyed reports whether the key has all columns of the primary key that the
// database has, so that it names one row.
func (p *Plan) Keyed() bool { return p.keyed }

// Version returns the position of the version column.
func (p *Plan) Version() (int, bool) { return p.version, p.version >= 0 }

// Token returns the position of the token.
func (p *Plan) Token() (int, bool) { return p.token, p.token >= 0 }

// Units returns the groups of columns that change together.
func (p *Plan) Units() []Bits { return p.units }

// Untyped reports whether rows are map[string]any.
func (p *Plan) Untyped() bool { return p.untyped }

// Writable returns the columns that a program may write: neither generated nor
// read-only nor the version nor a token.
func (p *Plan) Writable() Bits { return p.writable }

// Passive returns the columns that a program does not write, and that belong to
// no group: those that the database alone changes, such as the version.
func (p *Plan) Passive() Bits { return p.passive }

// Names returns the names of columns, in order.
func (p *Plan) Names(b Bits) []string {
	if b.Empty() {
		return nil
	}
	names := make([]string, 0, b.Len())
	for i := range b.All() {
		names = append(names, p.fields[i].Name)
	}
	return names
}
