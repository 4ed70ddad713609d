package rowmap

import (
	"strconv"
	"strings"
)

// decimal is a decimal number: ±0.digits × 10^exp, without zeros at either
// end of digits.
type decimal struct {
	negative bool
	digits   string
	exp      int
}

// sameDecimal reports whether two texts are the same number, rounded to scale
// decimals if scale is not negative.
func sameDecimal(a, b string, scale int) bool {
	if a == b {
		return true
	}
	da, okA := parseDecimal(a)
	db, okB := parseDecimal(b)
	if !okA || !okB {
		return strings.EqualFold(a, b) // NaN, Infinity, or no numbers at all
	}
	if scale >= 0 {
		da, db = da.round(scale), db.round(scale)
	}
	return da == db
}

func parseDecimal(s string) (decimal, bool) {
	var d decimal
	s = strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(s, "-"):
		d.negative, s = true, s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exp, err := strconv.Atoi(s[i+1:])
		if err != nil {
			return d, false
		}
		d.exp, s = exp, s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	d.digits = whole + fraction
	if d.digits == "" || strings.Trim(d.digits, "0123456789") != "" {
		return d, false
	}
	d.exp += len(whole)
	return d.trimmed(), true
}

func (d decimal) trimmed() decimal {
	all := len(d.digits)
	d.digits = strings.TrimLeft(d.digits, "0")
	d.exp -= all - len(d.digits)
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}
	}
	return d
}

// round rounds half away from zero, as databases do.
func (d decimal) round(scale int) decimal {
	keep := d.exp + scale
	if keep >= len(d.digits) {
		return d
	}
	if keep < 0 {
		return decimal{}
	}
	up := d.digits[keep] >= '5'
	d.digits = d.digits[:keep]
	if up {
		n := []byte("0" + d.digits)
		for i := len(n) - 1; ; i-- {
			if n[i]++; n[i] <= '9' {
				break
			}
			n[i] = '0'
		}
		d.digits = string(n)
		d.exp++
	}
	return d.trimmed()
}
