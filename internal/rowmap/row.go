package rowmap

import (
	"database/sql"
	"fmt"
	"reflect"
	"time"
	"unsafe"
)

// New returns a pointer to a zero row.
func (p *Plan) New() any {
	if p.untyped {
		m := make(map[string]any, len(p.fields))
		return &m
	}
	return p.memory.fresh()
}

// Is reports whether row is a row of this plan.
func (p *Plan) Is(row any) bool { return reflect.TypeOf(row) == p.row }

// pointer returns the address of a row. A row of another type would be read as
// what it is not; there is no way to go on.
func (p *Plan) pointer(row any) unsafe.Pointer {
	if reflect.TypeOf(row) != p.row {
		p.refuse(row)
	}
	return (*words)(unsafe.Pointer(&row)).data
}

func (p *Plan) refuse(row any) { panic(fmt.Sprintf("rowmap: row is a %T, want a %v", row, p.row)) }

// words is the memory of an interface that holds a pointer.
type words struct{ kind, data unsafe.Pointer }

// at returns the address of a field, nil if a pointer on the way is nil.
func (f *Field) at(row unsafe.Pointer) unsafe.Pointer {
	for i := range f.path {
		row = unsafe.Add(row, f.path[i].offset)
		if f.path[i].embeds == nil {
			return row
		}
		if row = *(*unsafe.Pointer)(row); row == nil {
			return nil
		}
	}
	return row
}

// make returns the address of a field and makes the structs on the way.
func (f *Field) make(row unsafe.Pointer) unsafe.Pointer {
	for i := range f.path {
		row = unsafe.Add(row, f.path[i].offset)
		embeds := f.path[i].embeds
		if embeds == nil {
			return row
		}
		next := (*unsafe.Pointer)(row)
		if *next == nil {
			*next = reflect.New(embeds).UnsafePointer()
		}
		row = *next
	}
	return row
}

// same compares a field that lies behind a pointer.
func (f *Field) same(a, b unsafe.Pointer) bool {
	if a, b = f.at(a), f.at(b); a == nil || b == nil {
		return a == b
	}
	return f.equal(a, b)
}

// Diff returns the columns in which two rows differ.
func (p *Plan) Diff(a, b any) Bits {
	pa, pb := p.pointer(a), p.pointer(b)
	var diff Bits
	for i := range p.compare[:min(len(p.compare), 64)] {
		c := &p.compare[i]
		if !c.equal(unsafe.Add(pa, c.at), unsafe.Add(pb, c.at)) {
			diff.low |= 1 << i
		}
	}
	if len(p.compare) <= 64 {
		return diff
	}
	words := wide{diff.low}
	for i := 64; i < len(p.compare); i++ {
		if c := &p.compare[i]; !c.equal(unsafe.Add(pa, c.at), unsafe.Add(pb, c.at)) {
			words[i/64] |= 1 << (i % 64)
		}
	}
	return words.bits()
}

// DiffIn is Diff for some columns only.
func (p *Plan) DiffIn(a, b any, in Bits) Bits {
	pa, pb := p.pointer(a), p.pointer(b)
	words := wide{}
	for i := range in.All() {
		if c := &p.compare[i]; !c.equal(unsafe.Add(pa, c.at), unsafe.Add(pb, c.at)) {
			words[i/64] |= 1 << (i % 64)
		}
	}
	if in.narrow() {
		return Bits{low: words[0]}
	}
	return words.bits()
}

// Same reports whether two rows have equal values in column i.
func (p *Plan) Same(a, b any, i int) bool {
	c := &p.compare[i]
	return c.equal(unsafe.Add(p.pointer(a), c.at), unsafe.Add(p.pointer(b), c.at))
}

// Clone returns a row that shares no memory with the old one that a program
// could write to.
func (p *Plan) Clone(row any) any {
	from := p.pointer(row)
	if p.untyped {
		dst := p.New()
		p.CopyAll(dst, row)
		return dst
	}
	dst := p.memory.twin(from)
	if !p.Flat() {
		p.separate(p.pointer(dst), from)
	}
	return dst
}

// Flat reports whether an assignment of a row copies all that a program could
// write to in its columns.
func (p *Plan) Flat() bool { return !p.untyped && !p.behind && p.deep.Empty() }

// CopyAll makes dst a deep copy of src. What is no column is copied as an
// assignment would.
func (p *Plan) CopyAll(dst, src any) {
	to, from := p.pointer(dst), p.pointer(src)
	if p.untyped {
		m := make(map[string]any, len(p.fields))
		for name, v := range *(*map[string]any)(from) {
			m[name] = cloneAny(v)
		}
		*(*map[string]any)(to) = m
		return
	}
	p.memory.assign(to, from)
	p.separate(to, from)
}

// separate gives a row that was assigned what the assignment shares.
func (p *Plan) separate(to, from unsafe.Pointer) {
	if p.behind {
		for i := range p.fields {
			if f := &p.fields[i]; len(f.path) > 1 { // the assignment copied the pointer
				unshare(f, to, from)
			}
		}
	}
	for i := range p.deep.All() {
		p.fields[i].copy(to, from)
	}
}

// unshare gives dst embedded structs of its own.
func unshare(f *Field, dst, src unsafe.Pointer) {
	for i := range f.path {
		embeds := f.path[i].embeds
		if embeds == nil {
			return
		}
		dst, src = unsafe.Add(dst, f.path[i].offset), unsafe.Add(src, f.path[i].offset)
		to, from := (*unsafe.Pointer)(dst), *(*unsafe.Pointer)(src)
		if from == nil {
			return
		}
		if *to == from {
			fresh := reflect.New(embeds)
			fresh.Elem().Set(reflect.NewAt(embeds, from).Elem())
			*to = fresh.UnsafePointer()
		}
		dst, src = *to, from
	}
}

// Copy copies column i.
func (p *Plan) Copy(dst, src any, i int) { p.fields[i].copy(p.pointer(dst), p.pointer(src)) }

// CopyIn copies some columns.
func (p *Plan) CopyIn(dst, src any, in Bits) {
	to, from := p.pointer(dst), p.pointer(src)
	for i := range in.All() {
		p.fields[i].copy(to, from)
	}
}

func (f *Field) copy(dst, src unsafe.Pointer) {
	if f.path == nil {
		f.clone(dst, src)
		return
	}
	from := f.at(src)
	if from == nil {
		if to := f.at(dst); to != nil {
			reflect.NewAt(f.Type, to).Elem().SetZero()
		}
		return
	}
	f.clone(f.make(dst), from)
}

// Value returns what a row holds in column i: the value of the field as it
// is, nil where a pointer on the way is nil or an untyped row lacks the
// column. It shares memory with the row.
func (p *Plan) Value(row any, i int) any {
	f := &p.fields[i]
	from := p.pointer(row)
	if p.untyped {
		return (*(*map[string]any)(from))[f.Name]
	}
	at := f.at(from)
	if at == nil {
		return nil
	}
	return f.read(at)
}

// reader returns how a field becomes a value, without reflection for the types
// that most columns have.
func reader(t reflect.Type) func(at unsafe.Pointer) any {
	switch t {
	case reflect.TypeFor[int64]():
		return boxed[int64]
	case reflect.TypeFor[int]():
		return boxed[int]
	case reflect.TypeFor[int32]():
		return boxed[int32]
	case reflect.TypeFor[string]():
		return boxed[string]
	case reflect.TypeFor[bool]():
		return boxed[bool]
	case reflect.TypeFor[float64]():
		return boxed[float64]
	case reflect.TypeFor[time.Time]():
		return boxed[time.Time]
	case reflect.TypeFor[[]byte]():
		return boxed[[]byte]
	case reflect.TypeFor[*string]():
		return boxed[*string]
	case reflect.TypeFor[*int64]():
		return boxed[*int64]
	}
	return func(at unsafe.Pointer) any { return reflect.NewAt(t, at).Elem().Interface() }
}

func boxed[T any](at unsafe.Pointer) any { return *(*T)(at) }

// Size estimates the bytes of the values of a row in some columns.
func (p *Plan) Size(row any, in Bits) int {
	from := p.pointer(row)
	size := 16 * in.Len()
	for i := range in.And(p.sized).All() {
		f := &p.fields[i]
		if p.untyped {
			if text, ok := textOf((*(*map[string]any)(from))[f.Name]); ok {
				size += len(text)
			}
			continue
		}
		at := f.at(from)
		if at == nil {
			continue
		}
		size += reflect.NewAt(f.Type, at).Elem().Len()
	}
	return size
}

// All returns all columns.
func (p *Plan) All() Bits { return p.all }

// Has reports whether a row has a value, be it NULL, in column i: an untyped
// row need not.
func (p *Plan) Has(row any, i int) bool {
	if !p.untyped {
		return true
	}
	_, ok := (*(*map[string]any)(p.pointer(row)))[p.fields[i].Name]
	return ok
}

// FieldAt returns the column of the field to which a pointer into the row
// points.
func (p *Plan) FieldAt(row, field any) (int, bool) {
	v := reflect.ValueOf(field)
	if p.untyped || v.Kind() != reflect.Pointer {
		return 0, false
	}
	from := p.pointer(row)
	for i := range p.fields {
		f := &p.fields[i]
		if at := f.at(from); at != nil && at == v.UnsafePointer() && v.Type().Elem() == f.Type {
			return i, true
		}
	}
	return 0, false
}

// Zero reports whether a row holds the zero value of its type in column i.
func (p *Plan) Zero(row any, i int) bool {
	v := p.Value(row, i)
	return v == nil || reflect.ValueOf(v).IsZero()
}

// SetValue makes v what a row holds in column i. It takes what the field can
// hold, what converts to it, and what its Scan method takes.
func (p *Plan) SetValue(row any, i int, v any) error {
	f := &p.fields[i]
	to := p.pointer(row)
	if p.untyped {
		m := (*map[string]any)(to)
		if *m == nil {
			*m = make(map[string]any, len(p.fields))
		}
		(*m)[f.Name] = cloneAny(v)
		return nil
	}
	target := reflect.NewAt(f.Type, f.make(to)).Elem()
	if v == nil {
		target.SetZero()
		return nil
	}
	if assign(target, reflect.ValueOf(v)) {
		return nil
	}
	if s, ok := target.Addr().Interface().(sql.Scanner); ok {
		if err := s.Scan(v); err != nil {
			return fmt.Errorf("livesql: column %s: %w", f.Name, err)
		}
		return nil
	}
	return fmt.Errorf("livesql: column %s holds %v, not %T", f.Name, f.Type, v)
}

// Count adds one to what a row holds in column i: an integer.
func (p *Plan) Count(row any, i int) error {
	f := &p.fields[i]
	to := p.pointer(row)
	if p.untyped {
		m := *(*map[string]any)(to)
		n, ok := m[f.Name].(int64)
		if !ok {
			return fmt.Errorf("livesql: column %s holds a %T, which does not count", f.Name, m[f.Name])
		}
		m[f.Name] = n + 1
		return nil
	}
	v := reflect.NewAt(f.Type, f.make(to)).Elem()
	switch {
	case v.CanInt() && !v.OverflowInt(v.Int()+1):
		v.SetInt(v.Int() + 1)
	case v.CanUint() && !v.OverflowUint(v.Uint()+1):
		v.SetUint(v.Uint() + 1)
	default:
		return fmt.Errorf("livesql: column %s: %v cannot count on", f.Name, v)
	}
	return nil
}

// assign sets target to v if Go can convert it without loss of meaning.
func assign(target, v reflect.Value) bool {
	t := target.Type()
	switch {
	case v.Type().AssignableTo(t):
		target.Set(v)
	case t.Kind() == reflect.Pointer && v.Kind() != reflect.Pointer:
		held := reflect.New(t.Elem())
		if !assign(held.Elem(), v) {
			return false
		}
		target.Set(held)
	case v.CanInt() && target.CanInt():
		if target.OverflowInt(v.Int()) {
			return false
		}
		target.SetInt(v.Int())
	case v.CanUint() && target.CanUint():
		if target.OverflowUint(v.Uint()) {
			return false
		}
		target.SetUint(v.Uint())
	case v.CanInt() && target.CanUint():
		if v.Int() < 0 || target.OverflowUint(uint64(v.Int())) {
			return false
		}
		target.SetUint(uint64(v.Int()))
	case v.CanFloat() && target.CanFloat():
		target.SetFloat(v.Float())
	case v.Kind() == t.Kind() && v.Type().ConvertibleTo(t):
		target.Set(v.Convert(t))
	default:
		return false
	}
	return true
}

// Scan reads the columns of b, in their order, from rows into a row.
func (p *Plan) Scan(rows interface{ Scan(dest ...any) error }, row any, b Bits, before ...any) error {
	dest := append(make([]any, 0, len(before)+len(p.fields)), before...)
	to := p.pointer(row)
	if !p.untyped {
		for i := range b.All() {
			f := &p.fields[i]
			dest = append(dest, f.dest(to))
		}
		return rows.Scan(dest...)
	}
	values := make([]any, b.Len())
	for i := range values {
		dest = append(dest, &values[i])
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	m := (*map[string]any)(to)
	if *m == nil {
		*m = make(map[string]any, len(p.fields))
	}
	n := 0
	for i := range b.All() {
		(*m)[p.fields[i].Name] = received(&p.fields[i].Column, values[n])
		n++
	}
	return nil
}

// Reader reads rows of one result, and keeps what that needs for each.
type Reader struct {
	plan    *Plan
	columns Bits
	before  int
	dest    []any
}

// Reader returns a reader of results with the columns of b behind others, for which
// there are before.
func (p *Plan) Reader(b Bits, before ...any) *Reader {
	return &Reader{plan: p, columns: b, before: len(before), dest: append(make([]any, 0, len(before)+len(p.fields)), before...)}
}

// Read returns a new row with what the result has.
func (r *Reader) Read(rows interface{ Scan(dest ...any) error }) (any, error) {
	row := r.plan.New()
	if r.plan.untyped {
		return row, r.plan.Scan(rows, row, r.columns, r.dest[:r.before]...)
	}
	to := r.plan.pointer(row)
	r.dest = r.dest[:r.before]
	for i := range r.columns.All() {
		f := &r.plan.fields[i]
		if f.integer != nil {
			r.dest = append(r.dest, f.integer(f.make(to)))
			continue
		}
		r.dest = append(r.dest, f.dest(to))
	}
	return row, rows.Scan(r.dest...)
}

// Integer is what an integer is scanned into: what drivers send is an int64, which
// database/sql brings into other types by way of a text.
type Integer[T int | int32 | int64] struct{ To *T }

// Scan implements [sql.Scanner]: it takes what database/sql takes.
func (d Integer[T]) Scan(src any) error {
	if n, ok := src.(int64); ok && int64(T(n)) == n {
		*d.To = T(n)
		return nil
	}
	var held sql.Null[T]
	if err := held.Scan(src); err != nil {
		return err
	}
	if !held.Valid {
		return fmt.Errorf("converting NULL to %T is unsupported", held.V)
	}
	*d.To = held.V
	return nil
}

func intoInteger[T int | int32 | int64](at unsafe.Pointer) any { return Integer[T]{(*T)(at)} }

// integerOf returns how a field becomes an Integer, nil if it does not.
func integerOf(t reflect.Type) func(at unsafe.Pointer) any {
	switch t {
	case reflect.TypeFor[int64]():
		return intoInteger[int64]
	case reflect.TypeFor[int]():
		return intoInteger[int]
	case reflect.TypeFor[int32]():
		return intoInteger[int32]
	}
	return nil
}

// dest is what a column is scanned into.
func (f *Field) dest(row unsafe.Pointer) any {
	at := f.make(row)
	if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Uint8 && !reflect.PointerTo(f.Type).Implements(scannerType) {
		return bytesDest{(*[]byte)(at)}
	}
	return reflect.NewAt(f.Type, at).Interface()
}

var scannerType = reflect.TypeFor[sql.Scanner]()

// bytesDest tells NULL from no bytes, for which some drivers have a nil slice.
type bytesDest struct{ to *[]byte }

func (d bytesDest) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*d.to = nil
	case []byte:
		*d.to = append(make([]byte, 0, len(src)), src...)
	case string:
		*d.to = []byte(src)
	case time.Time:
		*d.to = src.AppendFormat(nil, time.RFC3339Nano)
	default:
		*d.to = fmt.Append(nil, src)
	}
	return nil
}

// received is what an untyped row holds for a value of a driver: drivers send
// much as bytes that is text.
func received(c *Column, v any) any {
	b, ok := v.([]byte)
	if !ok {
		return v
	}
	if c.Kind == Bytes {
		return append(make([]byte, 0, len(b)), b...)
	}
	return string(b)
}
