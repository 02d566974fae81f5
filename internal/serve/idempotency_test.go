package serve_test

import (
	"sync"
	"testing"

	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestTheSameIdempotencyKeyDoesTheThingOnce(t *testing.T) {
	t.Parallel()
	storetest.AtOnce(t, func(t *testing.T, engine store.Engine) {
		o := open(t, storetest.Config(t, engine))
		key := []string{"Idempotency-Key", "7f0c"}
		var answers [8]answer
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = o.do("alice", "POST", "/api/v1/requests", where2eat(30), key...) })
		}
		all.Wait()
		var first review.Request
		answers[0].must(201).into(&first)
		for _, a := range answers {
			var r review.Request
			a.must(201).into(&r)
			if r.ID != first.ID || a.Header.Get("ETag") != answers[0].Header.Get("ETag") {
				o.Errorf("one key made the requests %s and %s", first.ID, r.ID)
			}
		}
		var list store.Listing[review.Request]
		o.do("alice", "GET", "/api/v1/requests", nil).must(200).into(&list)
		if len(list.Items) != 1 {
			o.Errorf("one key made %d requests", len(list.Items))
		}
		o.do("alice", "POST", "/api/v1/requests", where2eat(20), key...).problem(422, "other_request")
		// The key is alice's, and for this path: to others it is free.
		o.do("eve", "POST", "/api/v1/requests", where2eat(30), key...).problem(403, "forbidden")
		o.do("alice", "POST", "/api/v1/requests/"+first.ID+"/withdraw", nil, key...).must(200)
	})
}

func TestARefusedRequestLeavesItsIdempotencyKeyFree(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(o *office) {
		o.do("alice", "PUT", "/api/v1/groups/new", map[string]any{}, "If-None-Match", "*", "Idempotency-Key", "a").problem(403, "forbidden")
		o.do("root", "PUT", "/api/v1/groups/new", map[string]any{"members": []string{"nobody" + at}}, "If-None-Match", "*", "Idempotency-Key", "a")
		o.do("root", "PUT", "/api/v1/groups/new", map[string]any{}, "If-None-Match", "*", "Idempotency-Key", "a").must(201)
	})
}
