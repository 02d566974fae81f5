package signin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/soukhq/souk/internal/access/accesstest"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
)

// cheap is a cost that tests can pay often.
var cheap = cost{memory: 8, passes: 1, threads: 1}

func TestPasswordIsKeptAsArgon2idInPHCForm(t *testing.T) {
	t.Parallel()
	hash := hashPassword("correct horse battery", presentCost)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "=$") {
		t.Errorf("got %s", hash)
	}
	h, err := parsePassword(hash)
	if err != nil || !h.matches("correct horse battery") || h.matches("correct horse batterz") || h.matches("") {
		t.Errorf("%+v, %v", h, err)
	}
	// From the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24 -e.
	const reference = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if h, err = parsePassword(reference); err != nil || !h.matches("password") || h.matches("Password") {
		t.Errorf("the reference's hash: %v", err)
	}
	if one, other := hashPassword("a", cheap), hashPassword("a", cheap); one == other {
		t.Error("two hashes have the same salt")
	}
	// The same text, typed as one character or as two, is the same password.
	if h, err = parsePassword(hashPassword("caf\u00e9 caf\u00e9 caf\u00e9", cheap)); err != nil || !h.matches("cafe\u0301 cafe\u0301 cafe\u0301") {
		t.Errorf("the keyboard decides about the password: %v", err)
	}
}

func TestStoredHashCannotAskForTheMachine(t *testing.T) {
	t.Parallel()
	good := hashPassword("x", cheap)
	if _, err := parsePassword(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "$", "plain", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=8", "m=4194304", 1), strings.Replace(good, "t=1", "t=100", 1), strings.Replace(good, "p=1", "p=64", 1),
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "m=8", "m=08", 1),
		strings.Replace(good, "m=8", "m=-8", 1), good + "$", good + "=", good[:len(good)-30], strings.Replace(good, "p=1", "p=1,x=1", 1),
		"$argon2id$v=19$m=8,t=1,p=1$$", "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$YQ",
	} {
		if _, err := parsePassword(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzPasswordHash(f *testing.F) {
	f.Add(hashPassword("x", cheap))
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parsePassword(text)
		if err == nil && (h.String() != text || h.memory > maxMemory || h.passes > maxPasses || h.threads > maxThreads) {
			t.Errorf("%q is read as %q", text, h)
		}
	})
}

func TestPasswordsThatGuessersTryFirstAreRefused(t *testing.T) {
	t.Parallel()
	for password, code := range map[string]string{
		"":                              "password_too_short",
		"elevenchars":                   "password_too_short",
		strings.Repeat("né", 100) + "x": "password_too_long",
		"alice@hyfin.example":           "password_is_you",
		"ALICE@hyfin.example!":          "password_is_you",
		"alicealicealice1":              "password_is_you",
		"alice miller":                  "password_is_you",
		"aaaaaaaaaaaa":                  "password_too_plain",
		"abababababab":                  "password_too_plain",
		"123456789012":                  "password_too_plain",
		"abcdefghijkl":                  "password_too_plain",
		"password1234":                  "password_common",
		"PassWord!2026":                 "password_common",
		"qwertyuiop123":                 "password_common",
		"correct horse battery staple":  "password_common",
		"administrator2026!":            "password_common",
		"welcome12345":                  "password_common",
		"line\nbreak and more":          "invalid_text",
		"bad \xff utf8 here":            "invalid_text",
	} {
		e, ok := errors.AsType[*fault.Error](checkPassword(password, accesstest.Alice, "Alice Miller"))
		if !ok || e.Code != code || e.Field != "password" || e.Remediation == "" {
			t.Errorf("%q: got %v, want %s", password, e, code)
		}
	}
	for _, good := range []string{
		"lamp trellis onion", "Tr0ub4dor&3xyz", "пароль из трёх слов", strings.Repeat("lämp trëllis öniön ä", 10), "alice likes green tea a lot", "🐙🦑🐠🐟🐡🦈🐳🐋🐬🦭🐚🪸",
	} {
		if err := checkPassword(good, accesstest.Alice, "Alice Miller"); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for word := range knownPasswords {
		if utf8.RuneCountInString(word) >= minPassword && checkPassword(word) == nil {
			t.Errorf("%q is in the list and passes", word)
		}
	}
}

func TestAllowanceIsNeverExceededAndAlwaysComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := allowance{rapid.IntRange(1, 10).Draw(t, "burst"), time.Duration(rapid.IntRange(1, 60).Draw(t, "every")) * time.Second}
		now, full := accesstest.Noon, time.Time{}
		var taken []time.Time
		for _, gap := range rapid.SliceOfN(rapid.IntRange(0, 100_000), 1, 200).Draw(t, "gaps in ms") {
			now = now.Add(time.Duration(gap) * time.Millisecond)
			next, wait := a.take(full, now)
			if wait == 0 {
				taken, full = append(taken, now), next
				continue
			}
			if wait > a.every {
				t.Fatalf("has to wait %s, though one comes back every %s", wait, a.every)
			}
			if _, again := a.take(full, now.Add(wait)); again != 0 {
				t.Fatalf("after the wait it has to wait %s more", again)
			}
		}
		for i := range taken {
			for j := i; j < len(taken); j++ {
				if most := a.burst + int(taken[j].Sub(taken[i])/a.every) + 1; j-i+1 > most {
					t.Fatalf("%d within %s, of a burst of %d every %s", j-i+1, taken[j].Sub(taken[i]), a.burst, a.every)
				}
			}
		}
		if _, wait := a.take(full, now.Add(-1000*time.Hour)); wait > a.every {
			t.Fatalf("a clock set back makes wait %s", wait)
		}
	})
}

func TestFailuresMakeWaitLongerAndAreForgotten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var f failed
		now, tries, start := accesstest.Noon, 0, accesstest.Noon
		for _, gap := range rapid.SliceOfN(rapid.IntRange(0, 4000), 1, 100).Draw(t, "gaps in s") {
			now = now.Add(time.Duration(gap) * time.Second)
			next, wait := f.again(now)
			if wait < 0 || wait > longestWait {
				t.Fatalf("wait of %s", wait)
			}
			if wait == 0 {
				f, tries = next, tries+1
				if f.count < 1 || f.last != now {
					t.Fatalf("an attempt is not counted: %+v", f)
				}
			}
		}
		// Five are free; from the twelfth on there is at most one each quarter of an hour.
		if most := 12 + int(now.Sub(start)/longestWait)*2; tries > most && now.Sub(start) < failuresCount {
			t.Fatalf("%d attempts in %s", tries, now.Sub(start))
		}
		if next, wait := f.again(f.last.Add(failuresCount)); wait != 0 || next.count != 1 {
			t.Fatalf("a day later: %+v, %s", next, wait)
		}
	})
	// A clock that was set back begins the wait anew, once.
	f := failed{count: 20, last: accesstest.Noon}
	back := accesstest.Noon.Add(-48 * time.Hour)
	f, wait := f.again(back)
	if wait != longestWait {
		t.Errorf("wait of %s", wait)
	}
	if _, wait = f.again(back.Add(longestWait)); wait != 0 {
		t.Errorf("the wait goes on for %s", wait)
	}
}

func TestMeterIsBoundedAndFairToOthers(t *testing.T) {
	t.Parallel()
	m := &meter{allowance: allowance{burst: 3, every: time.Minute}}
	for range 3 {
		if m.take("guesser", accesstest.Noon) != 0 {
			t.Fatal("refused within the burst")
		}
	}
	if m.take("guesser", accesstest.Noon) == 0 || m.wait("guesser", accesstest.Noon) == 0 || m.take("other", accesstest.Noon) != 0 {
		t.Error("the fourth passes, or others wait")
	}
	m.giveBack("guesser")
	if m.take("guesser", accesstest.Noon) != 0 {
		t.Error("what was given back cannot be taken")
	}
	for i := range maxMetered * 2 {
		m.take(strings.Repeat("x", i%100)+time.Duration(i).String(), accesstest.Noon)
	}
	if len(m.full) > maxMetered+1 {
		t.Errorf("it remembers %d", len(m.full))
	}
}

func TestPlaceIsTheAddressOrItsNetwork(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.7:1234": "192.0.2.7", "[::ffff:192.0.2.7]:1": "192.0.2.7", "[2001:db8:1:2:3:4:5:6]:1": "2001:db8:1:2::", "[2001:db8:1:2::9]:77": "2001:db8:1:2::",
		"[fe80::1%eth0]:1": "fe80::", "@": "", "": "", "example.com:80": "", "192.0.2.7": "192.0.2.7", "127.0.0.1:0": "127.0.0.1",
	} {
		if got := placeOf(remote); got != want {
			t.Errorf("%q: got %q, want %q", remote, got, want)
		}
	}
}

func TestHashingNeverTakesMoreThanItsShareOfMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h hashing
		var running, most, refused int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 500 {
			all.Go(func() {
				err := h.do(t.Context(), func() {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					time.Sleep(50 * time.Millisecond)
					mu.Lock()
					running--
					mu.Unlock()
				})
				if fault.Is(err, fault.TooMany) {
					mu.Lock()
					refused++
					mu.Unlock()
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most != atOnce || refused != 500-maxQueue {
			t.Errorf("%d at once, %d refused", most, refused)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h.slots = nil // nobody ever leaves
		if err := h.do(ctx, func() { t.Error("hashed for somebody who left") }); err == nil {
			t.Error("whoever left is answered")
		}
	})
}
