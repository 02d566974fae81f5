package seal_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/seal"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func keyOf(t *testing.T, b byte) *seal.Key {
	t.Helper()
	key, err := seal.Open("", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestWhatIsSealedOpensInItsPlaceWithItsKeyAndUnchangedOnly(t *testing.T) {
	t.Parallel()
	key, other := keyOf(t, 1), keyOf(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		place := rapid.String().Draw(t, "place")
		sealed := key.Seal(place, plain)
		if got, err := key.Unseal(place, sealed); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%q, %v", got, err)
		}
		if len(plain) > 8 && strings.Contains(sealed, string(plain)) {
			t.Fatal("it can be read")
		}
		if sealed == key.Seal(place, plain) {
			t.Fatal("the same text looks the same twice")
		}
		if _, err := key.Unseal(place+"x", sealed); err == nil {
			t.Fatal("it opens elsewhere")
		}
		if _, err := other.Unseal(place, sealed); err == nil {
			t.Fatal("it opens with another key")
		}
		if _, err := other.Unseal(place, strings.Replace(sealed, key.ID(), other.ID(), 1)); err == nil {
			t.Fatal("it opens with another key that has the same name")
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		changed := []byte(sealed)
		changed[at] ^= 1
		if got, err := key.Unseal(place, string(changed)); err == nil && !bytes.Equal(got, plain) {
			t.Fatal("it opens changed")
		}
	})
	for _, text := range []string{"", "s1", "s1." + key.ID() + ".", "s1." + key.ID() + ".AAAA", "s1." + key.ID() + ".%", "plain"} {
		if _, err := key.Unseal("p", text); err == nil {
			t.Errorf("%q opens", text)
		}
	}
}

func TestTheKeyIsMadeOnceForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids := make([]string, 8)
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() {
			if key, err := seal.Open(dir, ""); err == nil {
				ids[i] = key.ID()
			}
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("eight at once have the keys %v", ids)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("in the directory: %v, %v", files, err)
	}
	path := filepath.Join(dir, seal.FileName)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	// A variable goes before the file; standard and URL alphabets both do.
	if key := keyOf(t, 0xff); key.ID() == ids[0] {
		t.Error("the file goes before the variable")
	}
	if key, err := seal.Open(dir, base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 32))+"\n"); err != nil || key.ID() != keyOf(t, 0xff).ID() {
		t.Errorf("in the alphabet of URLs: %v", err)
	}
	for _, text := range []string{"x", "AAAA", strings.Repeat("A", 42), strings.Repeat("A", 64), "%%%"} {
		if _, err := seal.Open(dir, text); !fault.Is(err, fault.Invalid) {
			t.Errorf("the key %q: %v", text, err)
		}
	}
	if err := os.WriteFile(path, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(dir, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("a damaged file: %v", err)
	}
	if _, err := seal.Open("", ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("no key at all: %v", err)
	}
}

func TestAReplicaWithAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := keyOf(t, 1).Check(t.Context(), db, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := keyOf(t, 1).Check(t.Context(), db, time.Now()); err != nil {
			t.Errorf("the same key again: %v", err)
		}
		err := keyOf(t, 2).Check(t.Context(), db, time.Now())
		if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), keyOf(t, 1).ID()) {
			t.Errorf("another key: %v", err)
		}
	})
}

func TestDerivedKeysAreTheSameForTheSamePurposeAndKeyOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(dir string) *seal.Key {
		t.Helper()
		k, err := seal.Open(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a, again, other := open(dir), open(dir), open(t.TempDir())
	one := string(a.Derive("one"))
	if len(one) != 32 || one != string(again.Derive("one")) {
		t.Error("the same key and purpose give another key")
	}
	if one == string(a.Derive("two")) || one == string(other.Derive("one")) {
		t.Error("another purpose or another key gives the same")
	}
}
