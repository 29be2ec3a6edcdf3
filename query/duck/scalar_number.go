package duck

import (
	"errors"
	"math"
	"math/big"
	"math/bits"

	bindings "github.com/duckdb/duckdb-go-bindings"
)

var errDivision = errors.New("division by zero")

// numberScalars are integer division and remainder, which the engine answers with NULL, or a fraction, where existing
// statements expect an error, or an integer; ^ on integers, which is an exclusive or; and trunc of what else is cast to an
// integer.
func numberScalars() []scalar {
	var out []scalar
	for _, id := range []bindings.Type{
		bindings.TypeTinyInt, bindings.TypeSmallInt, bindings.TypeInteger, bindings.TypeBigInt, bindings.TypeUTinyInt,
		bindings.TypeUSmallInt, bindings.TypeUInteger, bindings.TypeUBigInt, bindings.TypeHugeInt,
	} {
		t := sqlType{id: id}
		pair := []sqlType{t, t}
		out = append(out,
			scalar{name: "/", args: pair, result: t, run: divide(id, false)},
			scalar{name: "%", args: pair, result: t, run: divide(id, true)})
	}
	return append(out,
		scalar{name: "^", args: []sqlType{typeInt64, typeInt64}, result: typeInt64, run: exclusiveOr},
		scalar{name: "trunc", args: []sqlType{typeText}, result: typeText, run: sameText},
		scalar{name: "trunc", args: []sqlType{{id: bindings.TypeBoolean}}, result: sqlType{id: bindings.TypeBoolean}, run: sameBool},
		scalar{name: "trunc", args: []sqlType{typeTime}, result: typeInt64, run: sameInt64},
	)
}

func divide(t bindings.Type, remainder bool) func([]column, *output, int) error {
	switch t {
	case bindings.TypeTinyInt:
		return divideSigned[int8](remainder)
	case bindings.TypeSmallInt:
		return divideSigned[int16](remainder)
	case bindings.TypeInteger:
		return divideSigned[int32](remainder)
	case bindings.TypeBigInt:
		return divideSigned[int64](remainder)
	case bindings.TypeUTinyInt:
		return divideUnsigned[uint8](remainder)
	case bindings.TypeUSmallInt:
		return divideUnsigned[uint16](remainder)
	case bindings.TypeUInteger:
		return divideUnsigned[uint32](remainder)
	case bindings.TypeUBigInt:
		return divideUnsigned[uint64](remainder)
	}
	return divideHuge(remainder)
}

func divideSigned[T int8 | int16 | int32 | int64](remainder bool) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		a, b, to := values[T](in[0].data, rows), values[T](in[1].data, rows), values[T](out.data, rows)
		for i := range rows {
			switch {
			case in[0].null(i) || in[1].null(i):
				out.setNull(i)
			case b[i] == 0:
				return errDivision
			case remainder && b[i] == -1:
				to[i] = 0 // also of the smallest number, which has no opposite
			case remainder:
				to[i] = a[i] % b[i]
			case b[i] == -1 && a[i] != 0 && a[i] == -a[i]:
				return errors.New("the quotient is too large")
			default:
				to[i] = a[i] / b[i]
			}
		}
		return nil
	}
}

func divideUnsigned[T uint8 | uint16 | uint32 | uint64](remainder bool) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		a, b, to := values[T](in[0].data, rows), values[T](in[1].data, rows), values[T](out.data, rows)
		for i := range rows {
			switch {
			case in[0].null(i) || in[1].null(i):
				out.setNull(i)
			case b[i] == 0:
				return errDivision
			case remainder:
				to[i] = a[i] % b[i]
			default:
				to[i] = a[i] / b[i]
			}
		}
		return nil
	}
}

// huge is DuckDB's HUGEINT.
type huge struct {
	low  uint64
	high int64
}

func (h huge) big() *big.Int {
	v := big.NewInt(h.high)
	return v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(h.low))
}

func hugeOf(v *big.Int) huge {
	low := new(big.Int).And(v, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
	return huge{low, new(big.Int).Rsh(v, 64).Int64()}
}

func (h huge) fits() bool { return h.high == int64(h.low)>>63 }

func divideHuge(remainder bool) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		a, b, to := values[huge](in[0].data, rows), values[huge](in[1].data, rows), values[huge](out.data, rows)
		for i := range rows {
			switch {
			case in[0].null(i) || in[1].null(i):
				out.setNull(i)
				continue
			case b[i].low|uint64(b[i].high) == 0:
				return errDivision
			case !a[i].fits() || !b[i].fits() || int64(a[i].low) == math.MinInt64:
				q, m := new(big.Int).QuoRem(a[i].big(), b[i].big(), new(big.Int))
				if remainder {
					q = m
				}
				to[i] = hugeOf(q)
				continue
			}
			v := int64(a[i].low) / int64(b[i].low)
			if remainder {
				v = int64(a[i].low) % int64(b[i].low)
			}
			to[i] = huge{uint64(v), v >> 63}
		}
		return nil
	}
}

func exclusiveOr(in []column, out *output, rows int) error {
	for i := range rows {
		if !skipNull(in, out, i) {
			out.setInt64(i, in[0].int64(i)^in[1].int64(i))
		}
	}
	return nil
}

func sameText(in []column, out *output, rows int) error {
	for i := range rows {
		if !skipNull(in, out, i) {
			out.setBytes(i, in[0].bytes(i))
		}
	}
	return nil
}

func sameBool(in []column, out *output, rows int) error {
	from, to := values[bool](in[0].data, rows), values[bool](out.data, rows)
	for i := range rows {
		if !skipNull(in, out, i) {
			to[i] = from[i]
		}
	}
	return nil
}

func sameInt64(in []column, out *output, rows int) error {
	for i := range rows {
		if !skipNull(in, out, i) {
			out.setInt64(i, in[0].int64(i))
		}
	}
	return nil
}

// product multiplies, or reports that the result does not fit.
func product(a, b int64) (int64, bool) {
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		return 0, false
	}
	if (a < 0) != (b < 0) {
		return -int64(lo), true
	}
	return int64(lo), true
}
