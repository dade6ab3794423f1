package gitrepo

import (
	"bytes"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"testing"
)

func deflated(t testing.TB, data []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func samples() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200_000)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	words := bytes.Repeat([]byte("the quick brown fox, the lazy dog\n"), 3000)
	for range 4000 {
		words[r.IntN(len(words))] = byte(r.Uint32())
	}
	skewed := make([]byte, 100_000)
	for i := range skewed {
		skewed[i] = byte(r.ExpFloat64() * 8)
	}
	return map[string][]byte{"empty": {}, "one": {7}, "zeros": make([]byte, 100_000), "noise": noise, "words": words, "skewed": skewed,
		"pairs": bytes.Repeat([]byte("ab"), 5000), "small": []byte("hello, hello, hello")}
}

func TestInflateReadsWhatZlibWrote(t *testing.T) {
	var f inflater
	for name, data := range samples() {
		for level := -2; level <= 9; level++ {
			packed := deflated(t, data, level)
			got, used, err := f.inflate(nil, append(bytes.Clone(packed), "following bytes"...), int64(len(data)))
			if err != nil || used != len(packed) || !bytes.Equal(got, data) {
				t.Fatalf("%s level %d: used %d of %d, error %v", name, level, used, len(packed), err)
			}
			if got, _, err = f.inflate(make([]byte, 10), packed, int64(len(data))); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s level %d at the end of input: %v", name, level, err)
			}
		}
	}
}

func TestInflateRefusesDamage(t *testing.T) {
	var f inflater
	data := samples()["words"]
	packed := deflated(t, data, 6)
	for i := range packed {
		if _, _, err := f.inflate(nil, packed[:i], int64(len(data))); err == nil {
			t.Fatalf("%d of %d bytes were enough", i, len(packed))
		}
	}
	for i := 0; i < len(packed); i += 1 + i/100 {
		for bit := range 8 {
			bad := bytes.Clone(packed)
			bad[i] ^= 1 << bit
			// The two bytes of the header hold hints that do not change the content.
			if got, _, err := f.inflate(nil, bad, int64(len(data))); err == nil && !bytes.Equal(got, data) {
				t.Fatalf("flipped bit %d of byte %d went unseen", bit, i)
			}
		}
	}
	for _, size := range []int64{0, int64(len(data)) - 1, int64(len(data)) + 1, 1 << 40} {
		if _, _, err := f.inflate(nil, packed, size); err == nil {
			t.Fatalf("declared size %d was accepted", size)
		}
	}
}

func FuzzInflate(f *testing.F) {
	for _, data := range samples() {
		f.Add(deflated(f, data[:min(len(data), 2000)], 6))
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		var want []byte
		zr, err := zlib.NewReader(bytes.NewReader(packed))
		if err == nil {
			want, err = io.ReadAll(io.LimitReader(zr, 1<<20))
		}
		if len(want) == 1<<20 {
			return
		}
		var in inflater
		got, _, ours := in.inflate(nil, packed, int64(len(want)))
		if (err == nil) != (ours == nil) {
			t.Fatalf("compress/zlib says %v, inflate says %v", err, ours)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatal("contents differ")
		}
	})
}

func BenchmarkInflate(b *testing.B) {
	data := samples()["words"]
	packed := deflated(b, data, 6)
	b.Run("own", func(b *testing.B) {
		var f inflater
		var buf []byte
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			out, _, err := f.inflate(buf, packed, int64(len(data)))
			if err != nil {
				b.Fatal(err)
			}
			buf = out[:cap(out)]
		}
	})
	b.Run("std", func(b *testing.B) {
		zr, _ := zlib.NewReader(bytes.NewReader(packed))
		out := make([]byte, len(data))
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			zr.(zlib.Resetter).Reset(bytes.NewReader(packed), nil)
			io.ReadFull(zr, out)
		}
	})
}
