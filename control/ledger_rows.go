package control

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"math"

	"linedirector/conf"
	"linedirector/control/synretry"
)

// A book lies in one row of numbers of variable length, since all of it is written before each set of rules: gob would take
// longer than it takes to make the rules. It has what drains alone, which is little.

// drained is what the configuration no longer says of what drains.
type drained struct {
	Reals    []drainingReal
	Virtuals []conf.Virtual
}

func (g *drained) write() ([]byte, error) {
	if len(g.Reals)+len(g.Virtuals) == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(g)
	return b.Bytes(), err
}

func (g *drained) read(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return gob.NewDecoder(bytes.NewReader(b)).Decode(g)
}

// book writes all of it.
func (w *rowWriter) book(k *book) error {
	var g drained
	w.number(uint64(k.Generation))
	w.number(uint64(k.RouteGeneration))
	w.number(uint64(k.Hop))
	w.number(k.Event)
	w.conf(&k.InForce)
	w.conf(&k.Before)
	w.number(uint64(len(k.Purges)))
	for _, p := range k.Purges {
		w.number(uint64(p.Real))
		w.number(uint64(p.After))
	}
	w.number(uint64(len(k.Reals)))
	for i := range k.Reals {
		r := &k.Reals[i]
		w.real(r)
		if r.Drains {
			g.Reals = append(g.Reals, r.Gone)
		}
	}
	w.number(uint64(len(k.Virtuals)))
	for i := range k.Virtuals {
		v := &k.Virtuals[i]
		w.virtual(v)
		if v.Drains {
			g.Virtuals = append(g.Virtuals, v.Gone)
		}
	}
	w.bindings(&k.Bindings)
	drains, err := g.write()
	w.bytes(drains)
	return err
}

var errRows = errors.New("what it says is cut, or makes no sense")

// readRows reads what book wrote.
func readRows(b []byte) (*book, error) {
	r, k := rowReader{b: b}, &book{}
	k.Generation, k.RouteGeneration, k.Hop, k.Event = r.number(), r.short(), r.number(), r.upTo(math.MaxUint64)
	k.InForce, k.Before = r.conf(), r.conf()
	for range r.count() {
		if r.broken {
			return nil, errRows
		}
		k.Purges = append(k.Purges, bookPurge{r.short(), r.number()})
	}
	for range r.count() {
		if r.broken {
			return nil, errRows
		}
		k.Reals = append(k.Reals, r.real())
	}
	for range r.count() {
		if r.broken {
			return nil, errRows
		}
		k.Virtuals = append(k.Virtuals, r.virtual())
	}
	k.Bindings = r.bindings()
	var g drained
	err := g.read(r.bytes())
	if err == nil && (r.broken || len(r.b) > 0) {
		err = errRows
	}
	if err == nil {
		err = k.join(g)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// join gives what drains what is said of it.
func (k *book) join(g drained) error {
	for i := range k.Reals {
		if one := &k.Reals[i]; one.Drains {
			if len(g.Reals) == 0 {
				return errRows
			}
			one.Gone, g.Reals = g.Reals[0], g.Reals[1:]
		}
	}
	for i := range k.Virtuals {
		if one := &k.Virtuals[i]; one.Drains {
			if len(g.Virtuals) == 0 {
				return errRows
			}
			one.Gone, g.Virtuals = g.Virtuals[0], g.Virtuals[1:]
		}
	}
	if len(g.Reals)+len(g.Virtuals) > 0 {
		return errRows
	}
	return nil
}

// rowWriter appends. What may be taken for negative, as bases, goes as signed: small either way.
type rowWriter struct{ b []byte }

func (w *rowWriter) number(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *rowWriter) signed(n int64)  { w.b = binary.AppendVarint(w.b, n) }

func (w *rowWriter) flag(is bool) {
	if is {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

func (w *rowWriter) text(s string) {
	w.number(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *rowWriter) bytes(b []byte) {
	w.number(uint64(len(b)))
	w.b = append(w.b, b...)
}

func (w *rowWriter) conf(c *bookConf) {
	w.text(c.Name)
	w.bytes(c.Text)
	w.signed(c.At)
	w.number(uint64(c.Generation))
}

func (w *rowWriter) flush(f bookFlush) {
	w.flag(f.On)
	w.number(uint64(f.After))
}

func (w *rowWriter) real(r *bookReal) {
	w.number(uint64(r.Slot))
	w.flag(r.Drains)
	w.number(uint64(r.Added))
	for _, n := range [...]*bookKnobs{&r.File, &r.Holds} {
		for _, k := range n {
			w.signed(int64(k))
		}
	}
	w.flush(r.Flush)
	for _, n := range [...]*bookTally{&r.Base, &r.Run} {
		for _, t := range n {
			w.signed(int64(t))
		}
	}
	w.number(uint64(r.Admin))
	m := &r.Machine
	w.number(uint64(m.State))
	w.signed(m.Since)
	w.text(m.Cause)
	w.flag(m.Held)
	w.number(uint64(m.Back))
	w.flag(m.Ramping)
	w.signed(m.Began)
	w.number(uint64(r.Ramped))
	for _, n := range r.Entered {
		w.number(n)
	}
}

func (w *rowWriter) virtual(v *bookVirtual) {
	w.number(uint64(v.Slot))
	w.flag(v.Drains)
	w.number(uint64(v.Group))
	w.flush(v.Flush)
	w.signed(int64(v.NoReal))
}

// bindings writes slots as the difference to the one before: most are 1.
func (w *rowWriter) bindings(all *bookBindings) {
	w.number(uint64(len(all.Each)))
	for _, n := range all.Each {
		w.number(uint64(n))
	}
	w.number(uint64(len(all.Slot)))
	slot, real := uint32(0), uint16(0)
	for i, state := range all.State {
		if all.Base[i] != 0 {
			state |= bindingCounts
		}
		w.b = append(w.b, state)
		w.signed(int64(all.Slot[i]) - int64(slot))
		w.signed(int64(all.Real[i]) - int64(real))
		slot, real = all.Slot[i], all.Real[i]
		if state&bindingDrains != 0 {
			w.number(uint64(all.Since[i]))
		}
		if state&bindingCounts != 0 {
			w.signed(int64(all.Base[i]))
		}
	}
}

// rowReader reads. Behind the first number that is not what it can be all others are 0.
type rowReader struct {
	b      []byte
	broken bool
}

func (r *rowReader) fail() {
	r.b, r.broken = nil, true
}

// upTo is a number that is at most so large.
func (r *rowReader) upTo(most uint64) uint64 {
	n, length := binary.Uvarint(r.b)
	if length <= 0 || n > most {
		r.fail()
		return 0
	}
	r.b = r.b[length:]
	return n
}

func (r *rowReader) signed() int64 {
	n, length := binary.Varint(r.b)
	if length <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[length:]
	return n
}

func (r *rowReader) flag() bool     { return r.upTo(1) == 1 }
func (r *rowReader) byte() uint8    { return uint8(r.upTo(math.MaxUint8)) }
func (r *rowReader) short() uint16  { return uint16(r.upTo(math.MaxUint16)) }
func (r *rowReader) number() uint32 { return uint32(r.upTo(math.MaxUint32)) }

// count is how many follow: each takes a byte at least.
func (r *rowReader) count() int { return int(r.upTo(uint64(len(r.b)))) }

// bytes are in the memory of what is read.
func (r *rowReader) bytes() []byte {
	n := r.count()
	if n > len(r.b) {
		r.fail()
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *rowReader) text() string { return string(r.bytes()) }

func (r *rowReader) conf() bookConf {
	return bookConf{Name: r.text(), Text: bytes.Clone(r.bytes()), At: r.signed(), Generation: r.number()}
}

func (r *rowReader) flush() bookFlush { return bookFlush{On: r.flag(), After: r.number()} }

func (r *rowReader) knobs() (k bookKnobs) {
	for i := range k {
		k[i] = int(r.signed())
	}
	return k
}

func (r *rowReader) tally() (t bookTally) {
	for i := range t {
		t[i] = uint64(r.signed())
	}
	return t
}

func (r *rowReader) real() bookReal {
	one := bookReal{Slot: r.short(), Drains: r.flag(), Added: r.number(), File: r.knobs(), Holds: r.knobs()}
	one.Flush, one.Base, one.Run, one.Admin = r.flush(), r.tally(), r.tally(), conf.State(r.byte())
	one.Machine = synretry.Kept{State: synretry.State(r.byte()), Since: r.signed(), Cause: r.text(), Held: r.flag()}
	one.Machine.Back, one.Machine.Ramping, one.Machine.Began = synretry.State(r.byte()), r.flag(), r.signed()
	one.Ramped = r.number()
	for i := range one.Entered {
		one.Entered[i] = r.upTo(math.MaxUint64)
	}
	return one
}

func (r *rowReader) virtual() bookVirtual {
	return bookVirtual{Slot: r.short(), Drains: r.flag(), Group: r.short(), Flush: r.flush(), NoReal: uint64(r.signed())}
}

func (r *rowReader) bindings() (all bookBindings) {
	for range r.count() {
		all.Each = append(all.Each, r.number())
	}
	slot, real := int64(0), int64(0)
	for range r.count() {
		if r.broken {
			return all
		}
		state := r.byte()
		slot += r.signed()
		real += r.signed()
		since, base := uint32(0), int64(0)
		if state&bindingDrains != 0 {
			since = r.number()
		}
		if state&bindingCounts != 0 {
			base = r.signed()
		}
		if slot != int64(uint32(slot)) || real != int64(uint16(real)) {
			r.fail()
		}
		all.Slot, all.Real, all.State = append(all.Slot, uint32(slot)), append(all.Real, uint16(real)), append(all.State, state&^bindingCounts)
		all.Since, all.Base = append(all.Since, since), append(all.Base, uint64(base))
	}
	return all
}
