package duck

import (
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
)

// A colour is 0xRRGGBBAA.

// colourScalars are the functions on colours and the interpolation that goes with them.
func colourScalars() []scalar {
	f := typeFloat64
	return []scalar{
		{name: "lerp", args: []sqlType{f, f, f}, result: f, run: formula(func(a, b, t float64) float64 { return a + (b-a)*t })},
		{name: "unlerp", args: []sqlType{f, f, f}, result: f, run: formula(func(a, b, x float64) float64 { return (x - a) / (b - a) })},
		{name: "bin_center", args: []sqlType{f, f}, result: f, run: formula(func(c, size, _ float64) float64 {
			return math.Floor((c+size/2)/size) * size
		})},
		{name: "rgba", args: []sqlType{f, f, f, f}, result: typeUint32, run: rgba},
		{name: "lerp_color", args: []sqlType{typeInt64, typeInt64, f}, result: typeUint32, run: lerpColour},
		{name: "color_scale", args: []sqlType{typeText, f, f}, result: typeUint32, run: colourScale},
	}
}

// formula makes a function of two or three numbers.
func formula(f func(a, b, c float64) float64) func([]column, *output, int) error {
	return func(in []column, out *output, rows int) error {
		for i := range rows {
			if skipNull(in, out, i) {
				continue
			}
			c := 0.0
			if len(in) > 2 {
				c = in[2].float64(i)
			}
			out.setFloat64(i, f(in[0].float64(i), in[1].float64(i), c))
		}
		return nil
	}
}

// unit limits x to 0…1; NaN becomes 0.
func unit(x float64) float64 {
	if !(x > 0) {
		return 0
	}
	return min(x, 1)
}

// channel makes a byte of 0…1, rounded half up.
func channel(x float64) uint32 { return uint32(math.Floor(unit(x)*255 + 0.5)) }

func rgba(in []column, out *output, rows int) error {
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		var colour uint32
		for _, c := range in {
			colour = colour<<8 | channel(c.float64(i))
		}
		out.setUint32(i, colour)
	}
	return nil
}

var errColour = errors.New("lerp_color(): a color is a number from 0 to 4294967295")

func lerpColour(in []column, out *output, rows int) error {
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		a, b := in[0].int64(i), in[1].int64(i)
		if a < 0 || a > math.MaxUint32 || b < 0 || b > math.MaxUint32 {
			return errColour
		}
		out.setUint32(i, mix(uint32(a), uint32(b), unit(in[2].float64(i))))
	}
	return nil
}

// mix goes from a to b in each channel.
func mix(a, b uint32, t float64) uint32 {
	var colour uint32
	for shift := 24; shift >= 0; shift -= 8 {
		x, y := float64(a>>shift&0xff), float64(b>>shift&0xff)
		colour = colour<<8 | uint32(math.Floor(x+(y-x)*t+0.5))
	}
	return colour
}

// colourMapsText has a name and 256 colours of three bytes, in hexadecimal, a line. Viridis, magma, plasma and inferno
// are by Nathaniel Smith and Stéfan van der Walt, cividis by Jamie Nuñez, Christopher Anderton and Ryan Renslow (all CC0),
// turbo is by Anton Mikhailov of Google (Apache 2.0); these are the tables that Matplotlib publishes.
//
//go:embed colourmaps.txt
var colourMapsText string

// colourMapNames are in the order in which the error tells them.
var colourMapNames = []string{"viridis", "magma", "plasma", "inferno", "cividis", "turbo"}

var colourMaps = sync.OnceValue(func() map[string][]byte {
	maps := make(map[string][]byte, len(colourMapNames))
	for line := range strings.Lines(colourMapsText) {
		name, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		colours, err := hex.DecodeString(digits)
		if err != nil || len(colours) != 3*256 {
			panic("colourmaps.txt: " + name)
		}
		maps[name] = colours
	}
	return maps
})

func colourScale(in []column, out *output, rows int) error {
	name, colours := "", []byte(nil)
	for i := range rows {
		if skipNull(in, out, i) {
			continue
		}
		if n := string(in[0].bytes(i)); colours == nil || n != name {
			if colours = colourMaps()[strings.ToLower(n)]; colours == nil {
				return fmt.Errorf("color_scale(): unknown colormap '%.100s'. Recognized: %s", n, strings.Join(colourMapNames, ", "))
			}
			name = n
		}
		// Between two of the 256 colours lies a straight line.
		at := unit(in[1].float64(i)) * 255
		low := int(at)
		high := min(low+1, 255)
		c := mix(packed(colours, low), packed(colours, high), at-float64(low))
		out.setUint32(i, c|channel(in[2].float64(i)))
	}
	return nil
}

// packed returns colour n with an alpha of 0.
func packed(colours []byte, n int) uint32 {
	c := colours[3*n : 3*n+3]
	return uint32(c[0])<<24 | uint32(c[1])<<16 | uint32(c[2])<<8
}
