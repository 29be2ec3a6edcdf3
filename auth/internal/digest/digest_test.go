package digest

import (
	"crypto/sha256"
	"strings"
	"sync"
	"testing"
)

func TestSum(t *testing.T) {
	d := New()
	inputs := []string{
		"", "a", "b", "ab", strings.Repeat("a", 15), strings.Repeat("a", 16), strings.Repeat("a", 17),
		strings.Repeat("\x00", 16), strings.Repeat("\x00", 32), strings.Repeat("x", 16<<10),
	}
	seen := map[Sum]string{}
	for _, in := range inputs {
		sum := d.Sum(in)
		if other, twice := seen[sum]; twice {
			t.Errorf("%.20q and %.20q have one digest", in, other)
		}
		seen[sum] = in
		if d.Sum(in) != sum {
			t.Errorf("%.20q has two digests", in)
		}
		if New().Sum(in) == sum {
			t.Errorf("%.20q: the digest is not keyed", in)
		}
	}
}

// TestEveryByteCounts flips each bit of a token.
func TestEveryByteCounts(t *testing.T) {
	d := New()
	token := []byte(strings.Repeat("eyJhbGciOi", 70))
	sum := d.Sum(string(token))
	for i := range token {
		for bit := range 8 {
			token[i] ^= 1 << bit
			if d.Sum(string(token)) == sum {
				t.Fatalf("bit %d of byte %d does not count", bit, i)
			}
			token[i] ^= 1 << bit
		}
	}
}

func TestConcurrent(t *testing.T) {
	d := New()
	want := d.Sum("token")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				if d.Sum("token") != want {
					t.Error("another digest")
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkSum compares with SHA-256 of the same token, which is what the digest is there to avoid.
func BenchmarkSum(b *testing.B) {
	token := strings.Repeat("eyJhbGciOi", 70)
	b.Run("digest", func(b *testing.B) {
		d := New()
		b.SetBytes(int64(len(token)))
		b.ReportAllocs()
		for b.Loop() {
			d.Sum(token)
		}
	})
	b.Run("sha256", func(b *testing.B) {
		data := []byte(token)
		b.SetBytes(int64(len(token)))
		for b.Loop() {
			sha256.Sum256(data)
		}
	})
}
