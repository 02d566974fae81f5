package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/access/accesstest"

	"github.com/google/go-cmp/cmp"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// empty is accounts without anybody.
func empty(db *store.DB) (*Accounts, *accesstest.Wall) {
	clock := &accesstest.Wall{At: accesstest.Noon}
	d := &access.Directory{DB: db, Now: clock.Now}
	return &Accounts{
		DB: db, Now: clock.Now, Directory: d, Sessions: &Sessions{DB: db, Now: clock.Now}, cost: cheap,
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

func (a *Accounts) use(t *testing.T, use LinkUse) (*http.Cookie, access.Actor, error) {
	t.Helper()
	return a.UseLink(t.Context(), from(office), use)
}

func TestSetUpLinkMakesTheFirstAdministratorOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := empty(db)
		if _, setUp, err := a.Standing(t.Context(), access.Actor{}); err != nil || !setUp {
			t.Errorf("in set-up: %v, %v", setUp, err)
		}
		void := a.setUp(t)
		secret := a.setUp(t) // a new start
		link, err := a.ReadLink(t.Context(), from(office), secret)
		want := Link{Kind: LinkSetup, Groups: []string{}, ExpiresAt: accesstest.Noon.Add(24 * time.Hour)}
		if diff := cmp.Diff(want, link); diff != "" || err != nil {
			t.Errorf("%v, %s", err, diff)
		}
		first := LinkUse{Secret: void, Email: "Root@hyfin.example", DisplayName: "Root", Password: phrase}
		_, _, err = a.use(t, first)
		accesstest.WantFault(t, err, fault.Conflict, "link_void")
		first.Secret = secret
		weak := first
		weak.Password, weak.Email = "short", "no address"
		_, _, err = a.use(t, weak)
		e := accesstest.WantFault(t, err, fault.Invalid, "invalid_account")
		if len(e.Findings) != 2 || e.Findings[0].Field != "email" || e.Findings[1].Field != "password" {
			t.Errorf("findings are %+v", e.Findings)
		}
		c, by, err := a.use(t, first)
		if err != nil || by.Email != "root@hyfin.example" || by.Name != "Root" || !by.Has(access.Admin) || !by.In("admins") || !signedIn(t, a.Sessions, c) {
			t.Fatalf("got %+v, %v", by, err)
		}
		if _, setUp, err := a.Standing(t.Context(), access.Actor{}); err != nil || setUp {
			t.Errorf("in set-up: %v, %v", setUp, err)
		}
		_, _, err = a.use(t, first)
		accesstest.WantFault(t, err, fault.Conflict, "link_used")
		if _, needed, err := a.SetUpLink(t.Context()); needed || err != nil {
			t.Errorf("set-up is needed again: %v", err)
		}
		clock.Add(time.Hour)
		if err := a.signIn(t, distant, "root@hyfin.example", phrase); err != nil {
			t.Error(err)
		}
		got := accesstest.Events(t, db)
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
		accesstest.Group(t, a.Directory, "governors", access.GroupSpec{Title: "Governors", Roles: []access.Role{access.Admin, access.Auditor}})
		accesstest.Group(t, a.Directory, "admins", access.GroupSpec{Title: "No such role", Members: []string{}})
		secret := a.setUp(t)
		_, by, err := a.use(t, LinkUse{Secret: secret, Email: "root@hyfin.example", Password: phrase})
		if err != nil || !by.In("governors") || !by.Has(access.Auditor) || by.In("admins") || by.Name != "root@hyfin.example" {
			t.Fatalf("got %+v, %v", by, err)
		}
	})
	t.Run("beside another group of that name", func(t *testing.T) {
		a, _ := empty(storetest.Open(t, store.SQLite))
		accesstest.Person(t, a.Directory, "eve@hyfin.example", access.PersonSpec{})
		accesstest.Group(t, a.Directory, "admins", access.GroupSpec{Members: []string{"eve@hyfin.example"}})
		_, by, err := a.use(t, LinkUse{Secret: a.setUp(t), Email: "root@hyfin.example", Password: phrase})
		if err != nil || !by.In("admins-2") || accesstest.Actor(t, a.DB, "eve@hyfin.example").Has(access.Admin) {
			t.Errorf("got %+v, %v", by, err)
		}
	})
}

func TestAdministratorFromFilesEndsSetUp(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := empty(db)
		secret := a.setUp(t)
		accesstest.Company(t, a.Directory)
		_, _, err := a.use(t, LinkUse{Secret: secret, Email: "eve@hyfin.example", Password: phrase})
		accesstest.WantFault(t, err, fault.Conflict, "already_set_up")
		if _, setUp, err := a.Standing(t.Context(), access.Actor{}); err != nil || setUp {
			t.Errorf("in set-up: %v, %v", setUp, err)
		}
		if _, needed, err := a.SetUpLink(t.Context()); needed || err != nil {
			t.Errorf("a new start makes a link: %v", err)
		}
		if count(accesstest.Events(t, db), "installation.set_up") != 0 {
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
				link, err := a.Invite(t.Context(), accesstest.Root, "zoe@hyfin.example", Invitation{})
				if err != nil {
					t.Fatal(err)
				}
				secret = secretOf(t, link)
			case LinkReset:
				link, err := a.ResetLink(t.Context(), accesstest.Root, "zoe@hyfin.example")
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
			admins := accesstest.Read(t, db, access.Admins)
			if winners != 1 || len(admins) != 1 {
				t.Errorf("%s: %d won, administrators %v", kind, winners, admins)
			}
		}
	})
}

func TestInvitedPersonJoinsWithTheirGroups(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		ada := accesstest.Actor(t, db, "ada@hyfin.example")
		invite := func(email string, spec Invitation) string {
			t.Helper()
			link, err := a.Invite(t.Context(), ada, email, spec)
			if err != nil || link.Kind != LinkInvite || !link.ExpiresAt.Equal(clock.At.Add(7*24*time.Hour)) {
				t.Fatalf("got %+v, %v", link, err)
			}
			return secretOf(t, link)
		}
		void := invite("Zoe@hyfin.example", Invitation{DisplayName: "Zoe", Groups: []string{"team-lunch"}})
		secret := invite("zoe@hyfin.example", Invitation{})
		_, err := a.ReadLink(t.Context(), from(office), void)
		accesstest.WantFault(t, err, fault.Conflict, "link_void")
		link, err := a.ReadLink(t.Context(), from(office), " "+secret+"\n")
		want := Link{
			Kind: LinkInvite, Email: "zoe@hyfin.example", DisplayName: "Zoe", InvitedBy: "ada", Groups: []string{"Team Lunch"}, ExpiresAt: accesstest.Noon.Add(7 * 24 * time.Hour),
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
		seen, err := a.Directory.Person(t.Context(), accesstest.Actor(t, db, "pat@hyfin.example"), "zoe@hyfin.example")
		if err != nil || seen.HasPassword || seen.LastSeen != nil {
			t.Errorf("pat is told %+v, %v", seen, err)
		}
		_, err = a.Invite(t.Context(), ada, "zoe@hyfin.example", Invitation{})
		accesstest.WantFault(t, err, fault.Conflict, "has_joined")
		_, err = a.Invite(t.Context(), by, "new@hyfin.example", Invitation{})
		accesstest.WantFault(t, err, fault.Forbidden, "forbidden")
		_, err = a.Invite(t.Context(), ada, "no address", Invitation{})
		accesstest.WantFault(t, err, fault.Invalid, "invalid_email")
		_, err = a.Invite(t.Context(), ada, "new@hyfin.example", Invitation{Groups: []string{"nobodys"}})
		accesstest.WantFault(t, err, fault.Invalid, "unknown_group")
		accesstest.Person(t, a.Directory, "robot@hyfin.example", access.PersonSpec{Agent: true})
		_, err = a.Invite(t.Context(), ada, "robot@hyfin.example", Invitation{})
		accesstest.WantFault(t, err, fault.Conflict, "is_agent")
	})
}

func TestLinkEndsAtItsTimeAndWithItsPerson(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		link, err := a.ResetLink(t.Context(), accesstest.Root, accesstest.Alice)
		if err != nil {
			t.Fatal(err)
		}
		secret := secretOf(t, link)
		clock.Add(24*time.Hour - time.Second)
		if _, err := a.ReadLink(t.Context(), from(office), secret); err != nil {
			t.Errorf("a second before its end: %v", err)
		}
		clock.Add(time.Second)
		_, err = a.ReadLink(t.Context(), from(office), secret)
		accesstest.WantFault(t, err, fault.Conflict, "link_expired")
		_, _, err = a.use(t, LinkUse{Secret: secret, Password: another})
		accesstest.WantFault(t, err, fault.Conflict, "link_expired")
		if link, err = a.ResetLink(t.Context(), accesstest.Root, accesstest.Alice); err != nil {
			t.Fatal(err)
		}
		no := false
		accesstest.Person(t, a.Directory, accesstest.Alice, access.PersonSpec{DisplayName: "alice", Active: &no})
		_, _, err = a.use(t, LinkUse{Secret: secretOf(t, link), Password: another})
		accesstest.WantFault(t, err, fault.Conflict, "link_void")
		_, err = a.ResetLink(t.Context(), accesstest.Root, accesstest.Alice)
		accesstest.WantFault(t, err, fault.Conflict, "not_active")
		_, err = a.ResetLink(t.Context(), accesstest.Root, "alcie@hyfin.example")
		if e := accesstest.WantFault(t, err, fault.NotFound, "unknown_person"); !strings.Contains(e.Remediation, "@hyfin.example") {
			t.Errorf("remediation %q", e.Remediation)
		}
		for i := range signInsPerAddress.burst {
			guess, _ := access.NewSecret(linkPrefix)
			if i%3 == 0 {
				guess = strings.Repeat("x", i*1000)
			}
			_, err = a.ReadLink(t.Context(), from(office), guess)
			accesstest.WantFault(t, err, fault.NotFound, "unknown_link")
		}
		_, err = a.ReadLink(t.Context(), from(office), "soukjoin_guess")
		accesstest.WantFault(t, err, fault.TooMany, "too_many_attempts")
		_, err = a.ReadLink(t.Context(), from(distant), "soukjoin_guess")
		accesstest.WantFault(t, err, fault.NotFound, "unknown_link")
	})
}

func TestResetEndsEverySessionButItsOwn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := accounts(t, db)
		old, pats := signIn(t, a.Sessions, accesstest.Alice), signIn(t, a.Sessions, "pat@hyfin.example")
		link, err := a.ResetLink(t.Context(), accesstest.Root, accesstest.Alice)
		if err != nil || !signedIn(t, a.Sessions, old) {
			t.Fatalf("making a link ended a session; %v", err)
		}
		c, by, err := a.use(t, LinkUse{Secret: secretOf(t, link), Password: another})
		if err != nil || by.Email != accesstest.Alice || by.Name != "alice" || !signedIn(t, a.Sessions, c) || signedIn(t, a.Sessions, old) || !signedIn(t, a.Sessions, pats) {
			t.Errorf("got %+v, %v", by, err)
		}
		accesstest.WantFault(t, a.signIn(t, office, accesstest.Alice, phrase), fault.Unauthenticated, "wrong_password")
	})
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, clock := accounts(t, db)
		s := a.Sessions
		open := func(address, agent, email string) (*http.Cookie, access.Actor) {
			t.Helper()
			r := from(address)
			r.Header.Set("User-Agent", agent)
			c, by, err := s.SignIn(t.Context(), r, email)
			if err != nil {
				t.Fatal(err)
			}
			clock.Add(time.Second)
			return c, by
		}
		list := func(by access.Actor, email string) []string {
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
		if _, err := s.SignOutEverywhere(t.Context(), accesstest.Root, accesstest.Alice); err != nil {
			t.Fatal(err)
		}
		phone, _ := open("[2001:db8::7]:1", "Phone\x00\u202e/1", accesstest.Alice)
		laptop, by := open(office, strings.Repeat("Laptop ", 100), accesstest.Alice)
		pats, pat := open(distant, "", "pat@hyfin.example")
		want := []string{accesstest.Alice + " 192.0.2.7 " + strings.Repeat("Laptop ", 100)[:200] + " (this)", accesstest.Alice + " 2001:db8::7 Phone/1"}
		got := list(by, "")
		if len(got) != 2 || !strings.HasPrefix(got[0], want[0][:100]) || !strings.HasSuffix(got[0], "(this)") || len(got[0]) > 300 || got[1] != want[1] {
			t.Errorf("got %q", got)
		}
		_, err := s.List(t.Context(), pat, accesstest.Alice, store.Page{})
		accesstest.WantFault(t, err, fault.Forbidden, "forbidden")
		if got := list(accesstest.Root, accesstest.Alice); len(got) != 2 {
			t.Errorf("an administrator sees %q", got)
		}
		l, err := s.List(t.Context(), by, "", store.Page{})
		if err != nil {
			t.Fatal(err)
		}
		accesstest.WantFault(t, s.End(t.Context(), pat, l.Items[1].ID), fault.Forbidden, "forbidden")
		accesstest.WantFault(t, s.End(t.Context(), pat, "none"), fault.Forbidden, "forbidden")
		accesstest.WantFault(t, s.End(t.Context(), accesstest.Root, "none"), fault.NotFound, "unknown_session")
		if err := s.End(t.Context(), by, l.Items[1].ID); err != nil || signedIn(t, s, phone) || !signedIn(t, s, laptop) {
			t.Errorf("the wrong session ended, %v", err)
		}
		phone, _ = open(distant, "Phone", accesstest.Alice)
		if ended, err := s.EndOthers(t.Context(), by); ended != 1 || err != nil || signedIn(t, s, phone) || !signedIn(t, s, laptop) || !signedIn(t, s, pats) {
			t.Errorf("ended %d, %v", ended, err)
		}
		_, err = s.SignOutEverywhere(t.Context(), pat, accesstest.Alice)
		accesstest.WantFault(t, err, fault.Forbidden, "forbidden")
		if ended, err := s.SignOutEverywhere(t.Context(), accesstest.Root, accesstest.Alice); ended != 1 || err != nil || signedIn(t, s, laptop) || !signedIn(t, s, pats) {
			t.Errorf("ended %d, %v", ended, err)
		}
		if ended, err := s.SignOutEverywhere(t.Context(), accesstest.Root, accesstest.Alice); ended != 0 || err != nil {
			t.Errorf("ended %d, %v", ended, err)
		}
		_, err = s.SignOutEverywhere(t.Context(), accesstest.Root, "alcie@hyfin.example")
		accesstest.WantFault(t, err, fault.NotFound, "unknown_person")
		narrow := pat
		narrow.TokenScope = access.ScopeRead
		_, err = s.EndOthers(t.Context(), narrow)
		accesstest.WantFault(t, err, fault.Forbidden, "token_scope")
		// A session that ended by itself is in no list.
		clock.Add(13 * time.Hour)
		if got := list(accesstest.Root, "pat@hyfin.example"); len(got) != 0 {
			t.Errorf("got %q", got)
		}
	})
}

func TestSecretsOfAccountsAreNowhereInTheDatabase(t *testing.T) {
	t.Parallel()
	a, _ := accounts(t, storetest.Open(t, store.SQLite))
	link, err := a.ResetLink(t.Context(), accesstest.Root, accesstest.Alice)
	if err != nil {
		t.Fatal(err)
	}
	_ = a.signIn(t, office, "secret-of-a-guesser@hyfin.example", another)
	for table, columns := range map[string]string{
		"one_time_link": "hex(hash) || id || kind", "password": "hash", "audit_event": "body", "sign_in_failure": "hex(account)",
	} {
		rows := accesstest.Read(t, a.DB, func(ctx context.Context, tx *store.Tx) ([]string, error) {
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

func TestLinkToPowerNeedsASecondAdministrator(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, _ := accounts(t, db)
		accesstest.Person(t, a.Directory, "max@hyfin.example", access.PersonSpec{DisplayName: "max"})
		accesstest.Group(t, a.Directory, "admins", access.GroupSpec{Roles: []access.Role{access.Admin}, Members: []string{"ada@hyfin.example", "max@hyfin.example"}})
		accesstest.Group(t, a.Directory, "guests", access.GroupSpec{Roles: []access.Role{access.Approver}, Domains: []access.Domain{"growth"}})
		a.setPassword(t, "max@hyfin.example", phrase)
		ada := accesstest.Actor(t, db, "ada@hyfin.example")
		_, err := a.Invite(t.Context(), ada, "zoe@hyfin.example", Invitation{Groups: []string{"guests"}})
		if p, ok := errors.AsType[*access.Pending](err); !ok || p.Proposal.Subject != "person:zoe@hyfin.example" {
			t.Errorf("got %v", err)
		}
		if _, err := a.Invite(t.Context(), ada, "zoe@hyfin.example", Invitation{Groups: []string{}}); err != nil {
			t.Errorf("an invitation without power: %v", err)
		}
		_, err = a.ResetLink(t.Context(), ada, "max@hyfin.example") // by which ada could confirm what ada proposes
		if p, ok := errors.AsType[*access.Pending](err); !ok || p.Proposal.Action != linkFor.Action {
			t.Errorf("got %v", err)
		}
		if _, err := a.ResetLink(t.Context(), ada, accesstest.Alice); err != nil {
			t.Errorf("a link for who is no administrator: %v", err)
		}
	})
}
