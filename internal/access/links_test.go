package access

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// empty is accounts without anybody.
func empty(db *store.DB) (*Accounts, *wall) {
	clock := &wall{noon}
	d := &Directory{DB: db, Now: clock.now}
	return &Accounts{
		DB: db, Now: clock.now, Directory: d, Sessions: &Sessions{DB: db, Now: clock.now}, cost: cheap,
		URL: func() string { return "https://souk.hyfin.example" },
	}, clock
}

func (a *Accounts) setUp(t *testing.T) string {
	t.Helper()
	link, needed, err := a.SetUpLink(t.Context())
	if err != nil || !needed {
		t.Fatalf("set-up is needed: %v, %v", needed, err)
	}
	return secretOf(t, link)
}

func (a *Accounts) use(t *testing.T, use LinkUse) (*http.Cookie, Actor, error) {
	t.Helper()
	return a.UseLink(t.Context(), from(office), use)
}

func TestSetUpLinkMakesTheFirstAdministratorOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := empty(db)
		if _, setUp, err := a.Standing(t.Context(), Actor{}); err != nil || !setUp {
			t.Errorf("in set-up: %v, %v", setUp, err)
		}
		void := a.setUp(t)
		secret := a.setUp(t) // a new start
		link, err := a.ReadLink(t.Context(), from(office), secret)
		want := Link{Kind: LinkSetup, Groups: []string{}, ExpiresAt: noon.Add(24 * time.Hour)}
		if diff := cmp.Diff(want, link); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
		first := LinkUse{Secret: void, Email: "Root@hyfin.example", DisplayName: "Root", Password: phrase}
		_, _, err = a.use(t, first)
		wantFault(t, err, fault.Conflict, "link_void")
		first.Secret = secret
		weak := first
		weak.Password, weak.Email = "short", "no address"
		_, _, err = a.use(t, weak)
		e := wantFault(t, err, fault.Invalid, "invalid_account")
		if len(e.Findings) != 2 || e.Findings[0].Field != "email" || e.Findings[1].Field != "password" {
			t.Errorf("findings are %+v", e.Findings)
		}
		c, by, err := a.use(t, first)
		if err != nil || by.Email != "root@hyfin.example" || by.Name != "Root" || !by.Has(Admin) || !by.In("admins") || !signedIn(t, a.Sessions, c) {
			t.Fatalf("got %+v, %v", by, err)
		}
		if _, setUp, err := a.Standing(t.Context(), Actor{}); err != nil || setUp {
			t.Errorf("in set-up: %v, %v", setUp, err)
		}
		_, _, err = a.use(t, first)
		wantFault(t, err, fault.Conflict, "link_used")
		if _, needed, err := a.SetUpLink(t.Context()); needed || err != nil {
			t.Errorf("set-up is needed again: %v", err)
		}
		clock.add(time.Hour)
		if err := a.signIn(t, distant, "root@hyfin.example", phrase); err != nil {
			t.Error(err)
		}
		got := events(t, db)
		for _, name := range []string{"link.created", "person.created", "group.created", "installation.set_up", "person.signed_in"} {
			if !slices.Contains(got, name) {
				t.Errorf("%s is not told: %v", name, got)
			}
		}
	})
}

func TestSetUpUsesTheGroupThatIsThere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := empty(db)
		mustGroup(t, a.Directory, "governors", GroupSpec{Title: "Governors", Roles: []Role{Admin, Auditor}})
		mustGroup(t, a.Directory, "admins", GroupSpec{Title: "No such role", Members: []string{}})
		secret := a.setUp(t)
		_, by, err := a.use(t, LinkUse{Secret: secret, Email: "root@hyfin.example", Password: phrase})
		if err != nil || !by.In("governors") || !by.Has(Auditor) || by.In("admins") || by.Name != "root@hyfin.example" {
			t.Fatalf("got %+v, %v", by, err)
		}
	})
	t.Run("beside another group of that name", func(t *testing.T) {
		a, _ := empty(storetest.Open(t, store.SQLite))
		mustPerson(t, a.Directory, "eve@hyfin.example", PersonSpec{})
		mustGroup(t, a.Directory, "admins", GroupSpec{Members: []string{"eve@hyfin.example"}})
		_, by, err := a.use(t, LinkUse{Secret: a.setUp(t), Email: "root@hyfin.example", Password: phrase})
		if err != nil || !by.In("admins-2") || actor(t, a.DB, "eve@hyfin.example").Has(Admin) {
			t.Errorf("got %+v, %v", by, err)
		}
	})
}

func TestAdministratorFromFilesEndsSetUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := empty(db)
		secret := a.setUp(t)
		company(t, a.Directory)
		_, _, err := a.use(t, LinkUse{Secret: secret, Email: "eve@hyfin.example", Password: phrase})
		wantFault(t, err, fault.Conflict, "already_set_up")
		if _, setUp, err := a.Standing(t.Context(), Actor{}); err != nil || setUp {
			t.Errorf("in set-up: %v, %v", setUp, err)
		}
		if _, needed, err := a.SetUpLink(t.Context()); needed || err != nil {
			t.Errorf("a new start makes a link: %v", err)
		}
		if count(events(t, db), "installation.set_up") != 0 {
			t.Error("set up all the same")
		}
	})
}

func TestOfTwoWhoUseALinkAtOnceOneWins(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := empty(db)
		for _, kind := range []LinkKind{LinkSetup, LinkInvite, LinkReset} {
			var secret string
			switch kind {
			case LinkSetup:
				secret = a.setUp(t)
			case LinkInvite:
				link, err := a.Invite(t.Context(), root, "zoe@hyfin.example", Invitation{})
				if err != nil {
					t.Fatal(err)
				}
				secret = secretOf(t, link)
			case LinkReset:
				link, err := a.ResetLink(t.Context(), root, "zoe@hyfin.example")
				if err != nil {
					t.Fatal(err)
				}
				secret = secretOf(t, link)
			}
			won := make([]error, 8)
			var all sync.WaitGroup
			for i := range won {
				all.Go(func() {
					email := string(rune('a'+i)) + "@hyfin.example"
					_, _, won[i] = a.UseLink(t.Context(), from(office), LinkUse{Secret: secret, Email: email, Password: phrase + email})
				})
			}
			all.Wait()
			winners := 0
			for _, err := range won {
				if err == nil {
					winners++
				} else if !fault.Is(err, fault.Conflict) {
					t.Errorf("%s: the loser is told %v", kind, err)
				}
			}
			admins := read(t, db, countAdmins)
			if winners != 1 || admins != 1 {
				t.Errorf("%s: %d won, %d administrators", kind, winners, admins)
			}
		}
	})
}

func TestInvitedPersonJoinsWithTheirGroups(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		ada := actor(t, db, "ada@hyfin.example")
		invite := func(email string, spec Invitation) string {
			t.Helper()
			link, err := a.Invite(t.Context(), ada, email, spec)
			if err != nil || link.Kind != LinkInvite || !link.ExpiresAt.Equal(clock.at.Add(7*24*time.Hour)) {
				t.Fatalf("got %+v, %v", link, err)
			}
			return secretOf(t, link)
		}
		void := invite("Zoe@hyfin.example", Invitation{DisplayName: "Zoe", Groups: []string{"team-lunch"}})
		secret := invite("zoe@hyfin.example", Invitation{})
		_, err := a.ReadLink(t.Context(), from(office), void)
		wantFault(t, err, fault.Conflict, "link_void")
		link, err := a.ReadLink(t.Context(), from(office), " "+secret+"\n")
		want := Link{
			Kind: LinkInvite, Email: "zoe@hyfin.example", DisplayName: "Zoe", InvitedBy: "ada", Groups: []string{"Team Lunch"}, ExpiresAt: noon.Add(7 * 24 * time.Hour),
		}
		if diff := cmp.Diff(want, link); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
		zoe, err := a.Directory.Person(t.Context(), ada, "zoe@hyfin.example")
		if err != nil || !zoe.Invited || zoe.HasPassword || zoe.LastSeen != nil {
			t.Errorf("got %+v, %v", zoe, err)
		}
		_, by, err := a.use(t, LinkUse{Secret: secret, Email: "eve@hyfin.example", DisplayName: "Zoë Z.", Password: phrase})
		if err != nil || by.Email != "zoe@hyfin.example" || by.Name != "Zoë Z." || !by.In("team-lunch") { // the link says whose it is
			t.Fatalf("got %+v, %v", by, err)
		}
		zoe, err = a.Directory.Person(t.Context(), ada, "zoe@hyfin.example")
		if err != nil || zoe.Invited || !zoe.HasPassword || zoe.LastSeen == nil {
			t.Errorf("got %+v, %v", zoe, err)
		}
		// How others sign in is nobody's business.
		seen, err := a.Directory.Person(t.Context(), actor(t, db, "pat@hyfin.example"), "zoe@hyfin.example")
		if err != nil || seen.HasPassword || seen.LastSeen != nil {
			t.Errorf("pat is told %+v, %v", seen, err)
		}
		_, err = a.Invite(t.Context(), ada, "zoe@hyfin.example", Invitation{})
		wantFault(t, err, fault.Conflict, "has_joined")
		_, err = a.Invite(t.Context(), by, "new@hyfin.example", Invitation{})
		wantFault(t, err, fault.Forbidden, "forbidden")
		_, err = a.Invite(t.Context(), ada, "no address", Invitation{})
		wantFault(t, err, fault.Invalid, "invalid_email")
		_, err = a.Invite(t.Context(), ada, "new@hyfin.example", Invitation{Groups: []string{"nobodys"}})
		wantFault(t, err, fault.Invalid, "unknown_group")
		mustPerson(t, a.Directory, "robot@hyfin.example", PersonSpec{Agent: true})
		_, err = a.Invite(t.Context(), ada, "robot@hyfin.example", Invitation{})
		wantFault(t, err, fault.Conflict, "is_agent")
	})
}

func TestLinkEndsAtItsTimeAndWithItsPerson(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		link, err := a.ResetLink(t.Context(), root, alice)
		if err != nil {
			t.Fatal(err)
		}
		secret := secretOf(t, link)
		clock.add(24*time.Hour - time.Second)
		if _, err := a.ReadLink(t.Context(), from(office), secret); err != nil {
			t.Errorf("a second before its end: %v", err)
		}
		clock.add(time.Second)
		_, err = a.ReadLink(t.Context(), from(office), secret)
		wantFault(t, err, fault.Conflict, "link_expired")
		_, _, err = a.use(t, LinkUse{Secret: secret, Password: another})
		wantFault(t, err, fault.Conflict, "link_expired")
		if link, err = a.ResetLink(t.Context(), root, alice); err != nil {
			t.Fatal(err)
		}
		no := false
		mustPerson(t, a.Directory, alice, PersonSpec{DisplayName: "alice", Active: &no})
		_, _, err = a.use(t, LinkUse{Secret: secretOf(t, link), Password: another})
		wantFault(t, err, fault.Conflict, "link_void")
		_, err = a.ResetLink(t.Context(), root, alice)
		wantFault(t, err, fault.Conflict, "not_active")
		_, err = a.ResetLink(t.Context(), root, "alcie@hyfin.example")
		if e := wantFault(t, err, fault.NotFound, "unknown_person"); !strings.Contains(e.Remediation, "@hyfin.example") {
			t.Errorf("remediation %q", e.Remediation)
		}
		for i := range signInsPerAddress.burst {
			guess, _ := newSecret(linkPrefix)
			if i%3 == 0 {
				guess = strings.Repeat("x", i*1000)
			}
			_, err = a.ReadLink(t.Context(), from(office), guess)
			wantFault(t, err, fault.NotFound, "unknown_link")
		}
		_, err = a.ReadLink(t.Context(), from(office), "soukjoin_guess")
		wantFault(t, err, fault.TooMany, "too_many_attempts")
		_, err = a.ReadLink(t.Context(), from(distant), "soukjoin_guess")
		wantFault(t, err, fault.NotFound, "unknown_link")
	})
}

func TestResetEndsEverySessionButItsOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := accounts(t, db)
		old, pats := signIn(t, a.Sessions, alice), signIn(t, a.Sessions, "pat@hyfin.example")
		link, err := a.ResetLink(t.Context(), root, alice)
		if err != nil || !signedIn(t, a.Sessions, old) {
			t.Fatalf("making a link ended a session; %v", err)
		}
		c, by, err := a.use(t, LinkUse{Secret: secretOf(t, link), Password: another})
		if err != nil || by.Email != alice || by.Name != "alice" || !signedIn(t, a.Sessions, c) || signedIn(t, a.Sessions, old) || !signedIn(t, a.Sessions, pats) {
			t.Errorf("got %+v, %v", by, err)
		}
		wantFault(t, a.signIn(t, office, alice, phrase), fault.Unauthenticated, "wrong_password")
	})
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		s := a.Sessions
		open := func(address, agent, email string) (*http.Cookie, Actor) {
			t.Helper()
			r := from(address)
			r.Header.Set("User-Agent", agent)
			c, by, err := s.SignIn(t.Context(), r, email)
			if err != nil {
				t.Fatal(err)
			}
			clock.add(time.Second)
			return c, by
		}
		list := func(by Actor, email string) []string {
			t.Helper()
			l, err := s.List(t.Context(), by, email, store.Page{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, item := range l.Items {
				text := item.Person + " " + item.Address + " " + item.UserAgent
				if item.Current {
					text += " (this)"
				}
				got = append(got, text)
			}
			return got
		}
		if _, err := s.SignOutEverywhere(t.Context(), root, alice); err != nil {
			t.Fatal(err)
		}
		phone, _ := open("[2001:db8::7]:1", "Phone\x00\u202e/1", alice)
		laptop, by := open(office, strings.Repeat("Laptop ", 100), alice)
		pats, pat := open(distant, "", "pat@hyfin.example")
		want := []string{alice + " 192.0.2.7 " + strings.Repeat("Laptop ", 100)[:200] + " (this)", alice + " 2001:db8::7 Phone/1"}
		got := list(by, "")
		if len(got) != 2 || !strings.HasPrefix(got[0], want[0][:100]) || !strings.HasSuffix(got[0], "(this)") || len(got[0]) > 300 || got[1] != want[1] {
			t.Errorf("got %q", got)
		}
		_, err := s.List(t.Context(), pat, alice, store.Page{})
		wantFault(t, err, fault.Forbidden, "forbidden")
		if got := list(root, alice); len(got) != 2 {
			t.Errorf("an administrator sees %q", got)
		}
		l, err := s.List(t.Context(), by, "", store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		wantFault(t, s.End(t.Context(), pat, l.Items[1].ID), fault.Forbidden, "forbidden")
		wantFault(t, s.End(t.Context(), pat, "none"), fault.Forbidden, "forbidden")
		wantFault(t, s.End(t.Context(), root, "none"), fault.NotFound, "unknown_session")
		if err := s.End(t.Context(), by, l.Items[1].ID); err != nil || signedIn(t, s, phone) || !signedIn(t, s, laptop) {
			t.Errorf("the wrong session ended, %v", err)
		}
		phone, _ = open(distant, "Phone", alice)
		if ended, err := s.EndOthers(t.Context(), by); ended != 1 || err != nil || signedIn(t, s, phone) || !signedIn(t, s, laptop) || !signedIn(t, s, pats) {
			t.Errorf("ended %d, %v", ended, err)
		}
		_, err = s.SignOutEverywhere(t.Context(), pat, alice)
		wantFault(t, err, fault.Forbidden, "forbidden")
		if ended, err := s.SignOutEverywhere(t.Context(), root, alice); ended != 1 || err != nil || signedIn(t, s, laptop) || !signedIn(t, s, pats) {
			t.Errorf("ended %d, %v", ended, err)
		}
		if ended, err := s.SignOutEverywhere(t.Context(), root, alice); ended != 0 || err != nil {
			t.Errorf("ended %d, %v", ended, err)
		}
		_, err = s.SignOutEverywhere(t.Context(), root, "alcie@hyfin.example")
		wantFault(t, err, fault.NotFound, "unknown_person")
		narrow := pat
		narrow.TokenScope = ScopeRead
		_, err = s.EndOthers(t.Context(), narrow)
		wantFault(t, err, fault.Forbidden, "token_scope")
		// A session that ended by itself is in no list.
		clock.add(13 * time.Hour)
		if got := list(root, "pat@hyfin.example"); len(got) != 0 {
			t.Errorf("got %q", got)
		}
	})
}

func TestSecretsOfAccountsAreNowhereInTheDatabase(t *testing.T) {
	t.Parallel()
	a, _ := accounts(t, storetest.Open(t, store.SQLite))
	link, err := a.ResetLink(t.Context(), root, alice)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.signIn(t, office, "secret-of-a-guesser@hyfin.example", another)
	for table, columns := range map[string]string{
		"one_time_link": "hex(hash) || id || kind", "password": "hash", "audit_event": "body", "sign_in_failure": "hex(account)",
	} {
		rows := read(t, a.DB, func(ctx context.Context, tx *store.Tx) ([]string, error) {
			return store.List(ctx, tx, store.ScanString, "SELECT "+columns+" FROM "+table)
		})
		text := strings.Join(rows, "\n")
		for _, secret := range []string{secretOf(t, link), phrase, another, "secret-of-a-guesser"} {
			if len(rows) == 0 || strings.Contains(text, secret) {
				t.Errorf("%s is empty or holds a secret", table)
			}
		}
	}
}
