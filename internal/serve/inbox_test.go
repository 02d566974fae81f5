package serve_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/serve"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// told returns the words of the cards of a kind on somebody's Home.
func (o *office) told(who, kind string) (words []string) {
	o.Helper()
	var inbox store.Listing[api.InboxItem]
	o.do(who, "GET", "/api/v1/inbox", nil).must(200).into(&inbox)
	for _, item := range inbox.Items {
		if item.Kind == kind {
			words = append(words, item.Words)
		}
	}
	return words
}

func TestHomeTellsRequesterAndAdministratorsWhatHelpsWhenNobodyIsLeftToApprove(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.mission()
		o.do("alice", "POST", "/api/v1/requests", where2eat(30)).must(201)
		o.do("", "PUT", "/api/v1/groups/security", map[string]any{"roles": []string{"approver"}, "domains": []string{"security"}, "members": []string{}},
			"If-Match", `"1"`).must(200)
		o.eventually("the administrator is told", func() bool { return len(o.told("root", "nobody_left")) == 1 })
		if words := o.told("root", "nobody_left")[0]; !strings.HasSuffix(words, "add somebody to a group that approves for security") {
			o.Errorf("the administrator is told %q", words)
		}
		if words := o.told("alice", "nobody_left"); len(words) != 1 || !strings.Contains(words[0], "ask an administrator to add somebody") {
			o.Errorf("alice is told %q", words)
		}
		for _, who := range []string{"pat", "bob", "ada"} {
			if words := o.told(who, "nobody_left"); len(words) != 0 {
				o.Errorf("%s is told %q", who, words)
			}
		}
	})
}

func TestAdministratorsAreAskedForTwoWeeksAfterARestoreWhatHadBeenRevoked(t *testing.T) {
	t.Parallel()
	before := open(t, storetest.Config(t, store.SQLite))
	file := before.do("root", "GET", "/api/v1/backup", nil).must(200).Body
	where := storetest.Config(t, store.SQLite)
	cfg := serve.Defaults()
	cfg.Data = where.Dir
	if _, err := serve.Restore(t.Context(), cfg, bytes.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	o := begin(t, where)
	o.tokens = before.tokens
	if words := o.told("root", "restored"); len(words) != 1 || !strings.Contains(words[0], time.Now().UTC().Format(time.DateOnly)) {
		t.Errorf("the administrator is told %q", words)
	}
	if words := o.told("alice", "restored"); len(words) != 0 {
		t.Errorf("alice is told %q", words)
	}
	o.ahead.Add(int64(15 * 24 * time.Hour))
	if words := o.told("root", "restored"); len(words) != 0 {
		t.Errorf("after two weeks the administrator is told %q", words)
	}
}
