package dataplane_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/soukhq/souk/internal/dataplane"
	evaluationv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v1"
	evaluationv2 "github.com/soukhq/souk/internal/dataplane/gen/flagd/evaluation/v2"
	syncv1 "github.com/soukhq/souk/internal/dataplane/gen/flagd/sync/v1"
	schemav1 "github.com/soukhq/souk/internal/dataplane/gen/schema/v1"
	oldsyncv1 "github.com/soukhq/souk/internal/dataplane/gen/sync/v1"
	"github.com/soukhq/souk/internal/registry"
	"github.com/soukhq/souk/internal/sdkkey"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

func TestEvaluationAnswersAsFlagdDoes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := openPort(t, db, "")
		p.serve(t, "where2eat.enabled", registry.Serving{Mode: registry.ServeAudience, Audience: "pilot", Percent: 100})
		pilot := attributes(t, map[string]any{"targetingKey": "ann@hyfin.example", "groups": []any{"pilot"}})
		ctx := t.Context()
		type answer struct {
			Value           bool
			Reason, Variant string
			Metadata        map[string]any
		}
		want := answer{true, "TARGETING_MATCH", "on", map[string]any{
			"app": "where2eat", "flag_id": "microapp-where2eat-001", "flagSetId": "production",
		}}
		one := must[*evaluationv1.ResolveBooleanResponse](t)(p.v1("server").ResolveBoolean(ctx,
			&evaluationv1.ResolveBooleanRequest{FlagKey: "where2eat.enabled", Context: pilot}))
		if diff := cmp.Diff(want, answer{one.GetValue(), one.GetReason(), one.GetVariant(), one.GetMetadata().AsMap()}); diff != "" {
			t.Error("v1", diff)
		}
		two := must[*evaluationv2.ResolveBooleanResponse](t)(p.v2("lunch").ResolveBoolean(ctx,
			&evaluationv2.ResolveBooleanRequest{FlagKey: "where2eat.enabled", Context: pilot}))
		if diff := cmp.Diff(want, answer{two.GetValue(), two.GetReason(), two.GetVariant(), two.GetMetadata().AsMap()}); diff != "" {
			t.Error("v2", diff)
		}
		old := must[*schemav1.ResolveBooleanResponse](t)(schemav1.NewServiceClient(p.client, p.url, connect.WithGRPC(), with("server")).
			ResolveBoolean(ctx, &schemav1.ResolveBooleanRequest{FlagKey: "where2eat.enabled", Context: pilot}))
		if diff := cmp.Diff(want, answer{old.GetValue(), old.GetReason(), old.GetVariant(), old.GetMetadata().AsMap()}); diff != "" {
			t.Error("schema.v1", diff)
		}
		outside := must[*evaluationv2.ResolveBooleanResponse](t)(p.v2("server").ResolveBoolean(ctx,
			&evaluationv2.ResolveBooleanRequest{FlagKey: "where2eat.enabled"}))
		if outside.GetValue() || outside.GetReason() != "DEFAULT" || outside.GetVariant() != "off" {
			t.Errorf("outside the audience: %v", outside)
		}
		// Connect and gRPC-Web reach the same handlers, over HTTP/1 too.
		for name, option := range map[string]connect.ClientOption{"Connect": connect.WithProtoJSON(), "gRPC-Web": connect.WithGRPCWeb()} {
			got, err := evaluationv1.NewServiceClient(http.DefaultClient, p.url, option, with("server")).
				ResolveBoolean(ctx, &evaluationv1.ResolveBooleanRequest{FlagKey: "where2eat.enabled", Context: pilot})
			if err != nil || !got.GetValue() {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	})
}

func TestEvaluationHasTheErrorCodesOfFlagd(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	p.custom(t, "where2eat.dark-mode", `{"var": "variant"}`, nil)
	ctx := t.Context()
	deep := map[string]any{}
	for range 40 {
		deep = map[string]any{"in": deep}
	}
	boolean := func(key, flag string, attributes *structpb.Struct) error {
		_, err := p.v2(key).ResolveBoolean(ctx, &evaluationv2.ResolveBooleanRequest{FlagKey: flag, Context: attributes})
		return err
	}
	str := func() error {
		_, err := p.v2("server").ResolveString(ctx, &evaluationv2.ResolveStringRequest{FlagKey: "where2eat.enabled"})
		return err
	}
	for _, c := range []struct {
		name string
		err  error
		code connect.Code
	}{
		{"unknown flag", boolean("server", "where2eat.nope", nil), connect.CodeNotFound},
		{"flag of another app", boolean("lunch", "travel.enabled", nil), connect.CodeNotFound},
		{"flag that is not client-side", boolean("browser", "travel.enabled", nil), connect.CodeNotFound},
		{"another type", str(), connect.CodeInvalidArgument},
		{"unknown variant", boolean("server", "where2eat.dark-mode", attributes(t, map[string]any{"variant": "none"})), connect.CodeUnknown},
		{"deep context", boolean("server", "where2eat.enabled", attributes(t, deep)), connect.CodeInvalidArgument},
		{"targeting key that is none", boolean("server", "where2eat.enabled", attributes(t, map[string]any{"targetingKey": 7})), connect.CodeInvalidArgument},
		{"no key", boolean("", "where2eat.enabled", nil), connect.CodeUnauthenticated},
		{"unknown key", boolean("guess", "where2eat.enabled", nil), connect.CodeUnauthenticated},
		{"environment that is not loaded", boolean("nowhere", "where2eat.enabled", nil), connect.CodeUnavailable},
	} {
		if got := connect.CodeOf(c.err); c.err == nil || got != c.code {
			t.Errorf("%s: %v, want %v", c.name, c.err, c.code)
		}
	}
	got, err := p.v2("server").ResolveBoolean(ctx, &evaluationv2.ResolveBooleanRequest{
		FlagKey: "where2eat.dark-mode", Context: attributes(t, map[string]any{"variant": "on", "extra": map[string]any{"list": []any{1, "a", nil}}}),
	})
	if err != nil || !got.GetValue() {
		t.Errorf("a matching context: %v, %v", got, err)
	}
}

func TestResolveAllGivesWhatTheCallerSees(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	for key, want := range map[string][]string{
		"server":  {"travel.enabled", "where2eat.dark-mode", "where2eat.enabled"},
		"lunch":   {"where2eat.dark-mode", "where2eat.enabled"},
		"browser": {"where2eat.enabled"},
	} {
		all := must[*evaluationv1.ResolveAllResponse](t)(p.v1(key).ResolveAll(t.Context(), &evaluationv1.ResolveAllRequest{}))
		got := map[string]bool{}
		for name, f := range all.GetFlags() {
			got[name] = f.GetReason() == "STATIC" && f.GetVariant() == "off"
		}
		wanted := map[string]bool{}
		for _, name := range want {
			wanted[name] = true
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Error(key, diff)
		}
	}
}

func TestEventsNameExactlyWhatChanged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := openPort(t, db, "")
		stream := must[*connect.ServerStreamForClient[evaluationv2.EventStreamResponse]](t)(p.v2("server").EventStream(t.Context(), &evaluationv2.EventStreamRequest{}))
		next := hear(t, stream)
		if m := next(); m.GetType() != "provider_ready" {
			t.Fatalf("first: %v", m)
		}
		names := func(m *evaluationv2.EventStreamResponse) map[string]string {
			t.Helper()
			if m.GetType() != "configuration_change" {
				t.Fatalf("got %v", m)
			}
			all := map[string]string{}
			for key, v := range m.GetData().AsMap()["flags"].(map[string]any) {
				all[key] = v.(map[string]any)["type"].(string)
			}
			return all
		}
		expect := func(what string, want map[string]string) {
			t.Helper()
			if diff := cmp.Diff(want, names(next())); diff != "" {
				t.Error(what, diff)
			}
		}
		expect("at first", map[string]string{"travel.enabled": "update", "where2eat.dark-mode": "update", "where2eat.enabled": "update"})
		p.serve(t, "where2eat.enabled", registry.Serving{Mode: registry.ServeOn})
		expect("a change", map[string]string{"where2eat.enabled": "update"})
		p.write(t, func(ctx context.Context, tx *store.Tx, c registry.Change) error {
			_, _, err := registry.Kill(ctx, tx, c, "travel.enabled", "production")
			return err
		})
		expect("a kill", map[string]string{"travel.enabled": "update"})
		p.write(t, func(ctx context.Context, tx *store.Tx, c registry.Change) error {
			_, _, err := registry.Restore(ctx, tx, c, "travel.enabled", "production")
			return err
		})
		expect("its end", map[string]string{"travel.enabled": "update"})
		p.write(t, func(ctx context.Context, tx *store.Tx, c registry.Change) error {
			_, err := registry.Remove(ctx, tx, c, "travel.enabled")
			return err
		})
		expect("a removal", map[string]string{"travel.enabled": "delete"})

		late := hear(t, must[*connect.ServerStreamForClient[evaluationv2.EventStreamResponse]](t)(p.v2("server").EventStream(t.Context(), &evaluationv2.EventStreamRequest{})))
		late()
		if diff := cmp.Diff(map[string]string{"travel.enabled": "delete", "where2eat.dark-mode": "update", "where2eat.enabled": "update"}, names(late())); diff != "" {
			t.Error("who comes back", diff)
		}
	})
}

func TestSyncSendsTheDocumentAndEachChange(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := openPort(t, db, "")
		ctx := t.Context()
		plain := connect.WithAcceptCompression("gzip", nil, nil)
		streams := map[string]func() *syncv1.SyncFlagsResponse{
			"gzip":     hear(t, must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(ctx, &syncv1.SyncFlagsRequest{}))),
			"identity": hear(t, must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(syncv1.NewFlagSyncServiceClient(p.client, p.url, connect.WithGRPC(), with("server"), plain).SyncFlags(ctx, &syncv1.SyncFlagsRequest{}))),
		}
		selected := hear(t, must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(ctx, &syncv1.SyncFlagsRequest{Selector: "app=where2eat"})))
		old := hear(t, must[*connect.ServerStreamForClient[oldsyncv1.SyncFlagsResponse]](t)(oldsyncv1.NewFlagSyncServiceClient(p.client, p.url, connect.WithGRPC(), with("server")).SyncFlags(ctx, &oldsyncv1.SyncFlagsRequest{})))
		all := map[string]string{"travel.enabled": "off", "where2eat.dark-mode": "off", "where2eat.enabled": "off"}
		lunch := map[string]string{"where2eat.dark-mode": "off", "where2eat.enabled": "off"}
		expect := func(what string) {
			t.Helper()
			for name, next := range streams {
				if diff := cmp.Diff(all, flagsOf(t, next().GetFlagConfiguration())); diff != "" {
					t.Error(what, name, diff)
				}
			}
			m := old()
			if diff := cmp.Diff(all, flagsOf(t, m.GetFlagConfiguration())); diff != "" || m.GetState() != oldsyncv1.SyncState_SYNC_STATE_ALL {
				t.Error(what, m.GetState(), diff)
			}
		}
		expect("at first")
		p.serve(t, "travel.enabled", registry.Serving{Mode: registry.ServeOn})
		all["travel.enabled"] = "on"
		expect("a change")
		p.serve(t, "where2eat.enabled", registry.Serving{Mode: registry.ServeOn})
		all["where2eat.enabled"] = "on"
		expect("another")
		// What is narrowed to an app was not told of the change of another.
		if diff := cmp.Diff(lunch, flagsOf(t, selected().GetFlagConfiguration())); diff != "" {
			t.Error(diff)
		}
		lunch["where2eat.enabled"] = "on"
		if diff := cmp.Diff(lunch, flagsOf(t, selected().GetFlagConfiguration())); diff != "" {
			t.Error(diff)
		}
		fetched := must[*syncv1.FetchAllFlagsResponse](t)(p.sync("lunch").FetchAllFlags(ctx, &syncv1.FetchAllFlagsRequest{}))
		if diff := cmp.Diff(lunch, flagsOf(t, fetched.GetFlagConfiguration())); diff != "" {
			t.Error(diff)
		}
		for selector, want := range map[string]map[string]string{
			"flagSetId=production": all, "production": all, "flagSetId=production, app=where2eat": lunch,
		} {
			narrowed := must[*syncv1.FetchAllFlagsResponse](t)(p.sync("server").FetchAllFlags(ctx, &syncv1.FetchAllFlagsRequest{Selector: selector}))
			if diff := cmp.Diff(want, flagsOf(t, narrowed.GetFlagConfiguration())); diff != "" {
				t.Error(selector, diff)
			}
		}
		must[*syncv1.GetMetadataResponse](t)(p.sync("server").GetMetadata(ctx, &syncv1.GetMetadataRequest{}))
	})
}

func TestSyncIsForKeysOfServers(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	for _, c := range []struct {
		name, key, selector string
		code                connect.Code
	}{
		{"no key", "", "", connect.CodeUnauthenticated},
		{"unknown key", "guess", "", connect.CodeUnauthenticated},
		{"browser", "browser", "", connect.CodePermissionDenied},
		{"another app", "lunch", "app=travel", connect.CodePermissionDenied},
		{"unknown selector", "server", "source=file.json", connect.CodeInvalidArgument},
		{"unknown name", "server", "file.json", connect.CodeInvalidArgument},
		{"two apps", "server", "app=travel,app=where2eat", connect.CodePermissionDenied},
		{"another environment", "server", "flagSetId=staging", connect.CodePermissionDenied},
		{"environment that is not loaded", "nowhere", "", connect.CodeUnavailable},
	} {
		_, err := p.sync(c.key).FetchAllFlags(t.Context(), &syncv1.FetchAllFlagsRequest{Selector: c.selector})
		if got := connect.CodeOf(err); err == nil || got != c.code {
			t.Errorf("%s: fetch: %v", c.name, err)
		}
		stream, err := p.sync(c.key).SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{Selector: c.selector})
		if err == nil {
			if stream.Receive() {
				t.Errorf("%s: got flags", c.name)
			}
			err = stream.Err()
		}
		if got := connect.CodeOf(err); err == nil || got != c.code {
			t.Errorf("%s: sync: %v", c.name, err)
		}
	}
}

func TestWithoutAKeyAPortServesItsEnvironmentOnly(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "staging")
	got := must[*syncv1.FetchAllFlagsResponse](t)(p.sync("").FetchAllFlags(t.Context(), &syncv1.FetchAllFlagsRequest{}))
	var d struct{ Metadata map[string]string }
	if err := json.Unmarshal([]byte(got.GetFlagConfiguration()), &d); err != nil || d.Metadata["flagSetId"] != "staging" {
		t.Errorf("without a key: %s, %v", d, err)
	}
	got = must[*syncv1.FetchAllFlagsResponse](t)(p.sync("server").FetchAllFlags(t.Context(), &syncv1.FetchAllFlagsRequest{}))
	if err := json.Unmarshal([]byte(got.GetFlagConfiguration()), &d); err != nil || d.Metadata["flagSetId"] != "production" {
		t.Errorf("with a key: %s, %v", d, err)
	}
	if _, err := p.sync("guess").FetchAllFlags(t.Context(), &syncv1.FetchAllFlagsRequest{}); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("with a wrong key: %v", err)
	}
}

func TestStreamsEndWithAnErrorWhateverEndsThem(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	begin := func(key string) (*connect.ServerStreamForClient[syncv1.SyncFlagsResponse], *connect.ServerStreamForClient[evaluationv1.EventStreamResponse]) {
		s := must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync(key).SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{}))
		e := must[*connect.ServerStreamForClient[evaluationv1.EventStreamResponse]](t)(p.v1(key).EventStream(t.Context(), &evaluationv1.EventStreamRequest{}))
		if !s.Receive() || !e.Receive() || !e.Receive() {
			t.Fatal(s.Err(), e.Err())
		}
		return s, e
	}
	revokedSync, revokedEvents := begin("lunch")
	drainedSync, drainedEvents := begin("server")
	p.keys.revoke("2")
	if revokedSync.Receive() || connect.CodeOf(revokedSync.Err()) != connect.CodeUnauthenticated {
		t.Errorf("sync of a revoked key: %v", revokedSync.Err())
	}
	if revokedEvents.Receive() || connect.CodeOf(revokedEvents.Err()) != connect.CodeUnauthenticated {
		t.Errorf("events of a revoked key: %v", revokedEvents.Err())
	}
	p.plane.Drain()
	if drainedSync.Receive() || connect.CodeOf(drainedSync.Err()) != connect.CodeUnavailable {
		t.Errorf("sync of a server that stops: %v", drainedSync.Err())
	}
	if drainedEvents.Receive() || connect.CodeOf(drainedEvents.Err()) != connect.CodeUnavailable {
		t.Errorf("events of a server that stops: %v", drainedEvents.Err())
	}
	late := must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{}))
	if late.Receive() || connect.CodeOf(late.Err()) != connect.CodeUnavailable {
		t.Errorf("a stream that comes while the server stops: %v", late.Err())
	}
	want := map[dataplane.StreamCount]bool{
		{Kind: dataplane.KindSync, Environment: "production", Reason: dataplane.EndRevoked, Count: 1}:   true,
		{Kind: dataplane.KindEvents, Environment: "production", Reason: dataplane.EndRevoked, Count: 1}: true,
		{Kind: dataplane.KindSync, Environment: "production", Reason: dataplane.EndDrain, Count: 2}:     true,
		{Kind: dataplane.KindEvents, Environment: "production", Reason: dataplane.EndDrain, Count: 1}:   true,
	}
	eventually(t, "every end has its reason", func() bool {
		got := map[dataplane.StreamCount]bool{}
		for _, c := range p.plane.Streams() {
			got[c] = true
		}
		return cmp.Equal(want, got)
	})
}

func TestAKeyHasNoMoreStreamsThanItMay(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	lookup := p.plane.Lookup
	p.plane.Lookup = func(secret string, now time.Time) (sdkkey.Key, bool) {
		key, ok := lookup(secret, now)
		key.MaxStreams = 2
		return key, ok
	}
	for range 2 {
		if s := must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})); !s.Receive() {
			t.Fatal(s.Err())
		}
	}
	third := must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{}))
	if third.Receive() || connect.CodeOf(third.Err()) != connect.CodeResourceExhausted {
		t.Errorf("the third: %v", third.Err())
	}
	if s := must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("lunch").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})); !s.Receive() {
		t.Errorf("of another key: %v", s.Err())
	}
}

func TestHealthTellsOfEachService(t *testing.T) {
	t.Parallel()
	p := openPort(t, storetest.Open(t, store.SQLite), "")
	check := func(service string) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/"+grpchealth.HealthV1ServiceName+"/Check", strings.NewReader(`{"service":"`+service+`"}`))
		if err != nil {
			return "", err
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		var answer struct{ Status, Code string }
		err = json.NewDecoder(response.Body).Decode(&answer)
		return answer.Status + answer.Code, err
	}
	const serving = "SERVING_STATUS_SERVING"
	for service, want := range map[string]string{
		"": serving, "flagd.evaluation.v1.Service": serving, "flagd.evaluation.v2.Service": serving, "schema.v1.Service": serving,
		"flagd.sync.v1.FlagSyncService": serving, "sync.v1.FlagSyncService": serving, "souk.Nothing": "not_found",
	} {
		if got, err := check(service); got != want {
			t.Errorf("%q: %s, %v", service, got, err)
		}
	}
	p.plane.Drain()
	if got, err := check(""); got != "SERVING_STATUS_NOT_SERVING" {
		t.Errorf("while it stops: %s, %v", got, err)
	}
}

func TestAReceiptCountsTheStreamsThatWereHandedAKill(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := openPort(t, db, "")
		var next []func() *syncv1.SyncFlagsResponse
		for range 5 {
			h := hear(t, must[*connect.ServerStreamForClient[syncv1.SyncFlagsResponse]](t)(p.sync("server").SyncFlags(t.Context(), &syncv1.SyncFlagsRequest{})))
			h()
			next = append(next, h)
		}
		p.write(t, func(ctx context.Context, tx *store.Tx, c registry.Change) error {
			_, _, err := registry.Kill(ctx, tx, c, "travel.enabled", "production")
			return err
		})
		revision := p.live.Snapshot("production").Revision
		for _, h := range next {
			h()
		}
		eventually(t, "all five are told of, and acknowledged", func() bool {
			h := p.plane.Handed("production", revision)
			return h.Sent == 5 && h.ConfirmedByHost == 5 && h.Waiting == 0 && h.Unreachable == 0 && h.Reconnecting == 0
		})
		if h := p.plane.Handed("production", revision+1); h.Sent != 0 {
			t.Errorf("a revision that never was: %+v", h)
		}
	})
}
