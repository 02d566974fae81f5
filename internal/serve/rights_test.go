package serve_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// right is a row of the matrix: a call on where2eat, which belongs to alice's team, and who may make it. Everybody else is
// refused, and so are those who are not signed in.
type right struct {
	path string // with the ids of the story filled in; empty: the path of the operation as it stands
	body any
	may  []string // empty: anybody who is signed in; public: nobody needs to be
}

var (
	anybody = []string{}
	public  = []string{"public"}
	browser = []string{"somebody signed in by a browser"} // and no token at all
	admins  = []string{"root"}
)

// rights has a row for every operation by its id. {request}, {rollout}, {token} and {key} stand for ids of the story.
var rights = map[string]right{
	"list-audit-checkpoints": {may: []string{"ada", "root"}},
	"get-audit-consistency":  {path: "/audit/consistency?from=1", may: []string{"ada", "root"}},

	"get-session": {may: public}, "sign-in": {body: map[string]any{}, may: public}, "sign-out": {may: public},
	"list-inbox": {may: anybody}, "watch": {may: anybody},
	"list-templates": {may: anybody}, "get-template": {path: "/templates/microapp-basic-toggle-v1", may: anybody},
	"get-template-schema": {path: "/templates/microapp-basic-toggle-v1/schema", may: anybody},
	"put-template":        {body: map[string]any{"templateId": "x"}, may: admins},
	"check-request":       {body: map[string]any{}, may: anybody},
	"submit-request":      {body: where2eat(20), may: []string{"alice"}},
	"list-requests":       {may: anybody}, "get-request": {path: "/requests/{request}", may: anybody},
	"edit-request":        {path: "/requests/{request}", body: map[string]any{"reason": "x"}, may: []string{"alice"}},
	"approve-request":     {path: "/requests/{request}/approve", body: map[string]any{"digest": "x"}, may: []string{"pat", "sam", "petra"}},
	"deny-request":        {path: "/requests/{request}/deny", body: map[string]any{"digest": "x", "reason": "no"}, may: []string{"pat", "sam", "petra"}},
	"ask-for-change":      {path: "/requests/{request}/ask", body: map[string]any{"digest": "x", "reason": "why?"}, may: []string{"pat", "sam", "petra"}},
	"take-back-decision":  {path: "/requests/{request}/take-back", body: map[string]any{"digest": "x"}, may: []string{"pat", "sam", "petra"}},
	"report-check":        {path: "/requests/{request}/checks/security_scan", body: map[string]any{"status": "passed"}, may: []string{"a service account"}},
	"comment-request":     {path: "/requests/{request}/comments", body: map[string]any{"reason": "x"}, may: anybody},
	"get-request-content": {path: "/requests/{request}/content", may: anybody},
	"withdraw-request":    {path: "/requests/{request}/withdraw", may: []string{"alice"}},
	"list-apps":           {may: anybody}, "get-app": {path: "/apps/where2eat", may: anybody},
	"count-apps":             {may: anybody},
	"check-template":         {body: map[string]any{"document": map[string]any{"templateId": "x"}}, may: anybody},
	"list-template-versions": {path: "/templates/microapp-basic-toggle-v1/versions", may: anybody},
	"retire-template":        {path: "/templates/dashboard-v1/retire", may: admins},
	"activate-template":      {path: "/templates/dashboard-v1/activate", may: admins},
	"try-policy":             {body: map[string]any{"name": "marketplace.risk"}, may: admins},
	"dry-run-policy":         {body: map[string]any{"name": "marketplace.risk"}, may: admins},
	"delete-policy":          {path: "/policies/marketplace.new", may: admins},
	"get-segment":            {path: "/segments/pilot", may: anybody},
	"get-segment-history":    {path: "/segments/pilot/history", may: anybody},
	"roll-back-segment":      {path: "/segments/pilot/rollback", may: admins},
	"delete-segment":         {path: "/segments/beta", may: admins},
	"list-flags":             {may: anybody}, "get-flag": {path: "/flags/where2eat.enabled", may: anybody},
	"get-flag-history": {path: "/flags/where2eat.enabled/history", may: anybody},
	"kill-flag":        {path: "/flags/where2eat.enabled/environments/production/kill", may: []string{"alice", "olu", "root"}},
	"list-kills":       {may: anybody}, "get-kill": {path: "/kills/{kill}", may: anybody},
	"count-kill":         {body: map[string]any{"select": map[string]any{"owner": "team-lunch"}, "environment": "staging"}, may: []string{"alice", "olu", "root"}},
	"kill-many":          {body: map[string]any{"select": map[string]any{"owner": "team-lunch"}, "environment": "staging", "expect_flags": 1}, may: []string{"alice", "olu", "root"}},
	"end-kill":           {path: "/kills/{kill}/end", body: map[string]any{"reason": "x"}, may: admins},
	"restore-kill":       {path: "/kills/{kill}/restore", may: []string{"alice", "olu", "root"}},
	"follow-environment": {path: "/environments/staging/follow", body: map[string]any{"served": 1}, may: admins},
	"get-flag-usage":     {path: "/flags/where2eat.enabled/usage", may: anybody},
	"try-flag":           {path: "/flags/where2eat.enabled/environments/production/try", body: map[string]any{"context": map[string]any{}}, may: anybody},
	"rehearse-flag":      {path: "/flags/where2eat.enabled/environments/production/rehearse", body: map[string]any{"change": map[string]any{"mode": "audience", "audience": "nobody-here", "percent": 5}}, may: []string{"alice"}}, // a bad change, which is nobody else's to hear
	"diff-flag":          {path: "/flags/where2eat.enabled/diff?environment=sandbox", may: anybody},
	"roll-back-flag":     {path: "/flags/where2eat.enabled/environments/production/rollback", may: []string{"alice", "olu", "root"}},
	"restore-flag":       {path: "/flags/where2eat.enabled/environments/production/restore", may: []string{"alice", "olu", "root"}},
	"plan-flag-removal":  {path: "/flags/where2eat.enabled/removal-plan", body: map[string]any{"removal_plan": "x"}, may: []string{"alice"}},
	"list-tags":          {may: anybody},
	"tag-flag":           {path: "/flags/where2eat.enabled/tags", body: map[string]any{"tags": []string{"lunch"}}, may: []string{"alice", "olu", "root"}},
	"list-rollouts":      {may: anybody}, "get-rollout": {path: "/rollouts/{rollout}", may: anybody},
	"start-rollout":   {path: "/rollouts/{rollout}/start", may: []string{"alice"}},
	"promote-rollout": {path: "/rollouts/{rollout}/promote", body: map[string]any{"unseen": "x"}, may: []string{"alice"}},
	"pause-rollout":   {path: "/rollouts/{rollout}/pause", may: []string{"alice", "olu", "root"}},
	"resume-rollout":  {path: "/rollouts/{rollout}/resume", may: []string{"alice"}},
	"abort-rollout":   {path: "/rollouts/{rollout}/abort", may: []string{"alice", "olu", "root"}},

	"list-audit-events": {may: []string{"ada", "root"}}, "get-audit-checkpoint": {may: []string{"ada", "root"}},
	"get-audit-proof": {path: "/audit/events/{request}/proof", may: []string{"ada", "root"}}, "export-audit-log": {may: []string{"ada", "root"}},
	"read-link": {body: map[string]any{"secret": "x"}, may: public}, "use-link": {body: map[string]any{"secret": "x", "password": "x"}, may: public},
	"get-setup": {may: admins}, "list-proposals": {may: admins},
	"confirm-proposal": {path: "/proposals/{request}/confirm", may: admins}, "withdraw-proposal": {path: "/proposals/{request}/withdraw", may: admins},
	"object-to-proposal": {path: "/proposals/{request}/object", body: map[string]any{"reason": "x"}, may: admins},
	"list-sessions":      {may: anybody}, "end-session": {path: "/sessions/{request}/end", may: admins}, "end-other-sessions": {path: "/sessions:end-others", may: anybody},
	"change-password": {path: "/session/password", body: map[string]any{"current": "x", "new": "four words of ones own"}, may: browser},
	"invite-person":   {path: "/people/vera" + at + "/invite", body: map[string]any{}, may: admins},
	"make-reset-link": {path: "/people/ada" + at + "/reset-link", may: admins},
	"sign-out-person": {path: "/people/ada" + at + "/sign-out", may: admins},
	"delete-group":    {path: "/groups/new", may: admins},
	"join-group":      {path: "/groups/pilot/join", may: anybody}, "leave-group": {path: "/groups/pilot/leave", may: anybody},
	"rotate-token":   {path: "/tokens/{token}/rotate", body: map[string]any{}, may: admins},
	"rotate-sdk-key": {path: "/sdk-keys/{key}/rotate", body: map[string]any{}, may: []string{"olu", "root"}},
	"list-people":    {may: anybody}, "get-person": {path: "/people/alice" + at, may: anybody},
	"put-person":  {path: "/people/new" + at, body: map[string]any{}, may: admins},
	"list-groups": {may: anybody}, "get-group": {path: "/groups/product", may: anybody},
	"put-group":         {path: "/groups/new", body: map[string]any{}, may: admins},
	"list-environments": {may: anybody}, "list-segments": {may: anybody},
	"put-environment": {path: "/environments/qa", body: map[string]any{"position": 9, "tier": "test"}, may: admins},
	"put-segment":     {path: "/segments/new", body: map[string]any{"title": "New"}, may: admins},
	"list-policies":   {may: anybody}, "get-policy": {path: "/policies/marketplace.risk", may: anybody},
	"put-policy":        {path: "/policies/marketplace.new", body: map[string]any{"source": "package marketplace.new"}, may: admins},
	"activate-policy":   {path: "/policies/marketplace.risk/activate", may: admins},
	"deactivate-policy": {path: "/policies/marketplace.risk/deactivate", may: admins},
	"get-lifecycle":     {may: anybody},
	"put-lifecycle": {body: map[string]any{"lifecycle": map[string]any{
		"max_active_days": 9, "reminder_schedule_days": []int{1}, "deprecated_grace_days": 1,
	}}, may: admins},
	"apply-documents": {body: map[string]any{"documents": []any{map[string]any{"kind": "Segment", "name": "s", "spec": map[string]any{"title": "S"}}}, "dry_run": true}, may: admins},
	"import-flags":    {body: map[string]any{"format": "flagd", "document": map[string]any{"flags": map[string]any{}}, "dry_run": true}, may: []string{"olu", "root"}},
	"export-flags":    {path: "/environments/sandbox/export", may: anybody},
	"get-compliance":  {path: "/insight/compliance", may: anybody},
	"complete-flags":  {path: "/insight/compliance", body: map[string]any{"flags": []any{}}, may: []string{"olu", "root"}},
	"examine":         {may: admins}, "take-backup": {may: admins}, "export-documents": {may: admins},
	"erase-audit-texts":     {path: "/audit/events/{request}/erase", body: map[string]any{"reason": "he asked"}, may: admins},
	"acknowledge-audit-log": {body: map[string]any{"reason": "the disk died"}, may: admins},
	"list-tokens":           {may: anybody},
	"make-token":            {body: map[string]any{"as": "root" + at, "scope": "all"}, may: admins},
	"list-sdk-keys":         {may: []string{"olu", "root"}},
	"make-sdk-key":          {body: map[string]any{"environment": "production"}, may: []string{"olu", "root"}},
	"set-sdk-key-limits":    {path: "/sdk-keys/{key}/limits", body: map[string]any{"max_streams": 5}, may: []string{"olu", "root"}},
	"revoke-sdk-key":        {path: "/sdk-keys/{key}", may: []string{"olu", "root"}},
	"revoke-token":          {path: "/tokens/{token}", may: admins},
}

func TestEveryOperationRefusesWhoMayNotDoIt(t *testing.T) {
	t.Parallel()
	o := open(t, storetest.Config(t, store.SQLite))
	o.mission()
	r := o.approved(where2eat(30))
	var key api.NewKey
	o.do("olu", "POST", "/api/v1/sdk-keys", map[string]any{"environment": "production"}).must(201).into(&key)
	var token api.NewToken
	o.do("root", "POST", "/api/v1/tokens", map[string]any{"as": "root" + at, "scope": "read"}).must(201).into(&token)
	ids := strings.NewReplacer("{request}", r.ID, "{rollout}", r.RolloutID, "{token}", token.ID, "{key}", key.ID, "{kill}", o.panicked())

	var document struct {
		Paths map[string]map[string]struct {
			ID string `json:"operationId"`
		}
	}
	if err := json.Unmarshal(o.do("", "GET", "/api/v1/openapi.json", nil).must(200).Body, &document); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			row, ok := rights[operation.ID]
			if !ok {
				t.Errorf("%s has no row in the matrix of rights", operation.ID)
				continue
			}
			seen[operation.ID] = true
			if row.path != "" {
				path = "/api/v1" + ids.Replace(row.path)
			}
			o.refuses(strings.ToUpper(method), path, row)
		}
	}
	for id := range rights {
		if !seen[id] {
			t.Errorf("the matrix of rights has a row for %s, which is no operation", id)
		}
	}
}

// panicked turns where2eat off in the sandbox and gives the id of that kill.
func (o *office) panicked() string {
	o.Helper()
	var act api.CarriedOut
	o.do("olu", "POST", "/api/v1/kills", map[string]any{
		"select": map[string]any{"app": "where2eat"}, "environment": "sandbox", "expect_flags": 1,
	}).must(200).into(&act)
	return act.ID
}

func (o *office) refuses(method, path string, row right) {
	o.Helper()
	if slices.Equal(row.may, public) {
		return
	}
	version := `"1"`
	if got := o.do("nobody", method, path, row.body, "If-Match", version); got.Status != http.StatusUnauthorized {
		o.Errorf("%s %s without a credential is answered %d: %s", method, path, got.Status, got.Body)
	}
	for _, who := range slices.Sorted(maps.Keys(o.tokens)) {
		switch {
		case strings.HasSuffix(path, "/watch"): // an answer without an end: watch_test.go reads it
		case len(row.may) == 0:
			if got := o.do(who, method, path, row.body, "If-Match", version); got.Status >= 400 {
				o.Errorf("%s %s by %s is answered %d: %s", method, path, who, got.Status, got.Body)
			}
		case !slices.Contains(row.may, who):
			got := o.do(who, method, path, row.body, "If-Match", version)
			hidden := strings.HasPrefix(path, "/api/v1/tokens/") && got.Status == http.StatusNotFound // others' tokens are not told of
			if got.Status != http.StatusForbidden && !hidden {
				o.Errorf("%s %s by %s is answered %d: %s", method, path, who, got.Status, got.Body)
			}
		}
	}
}
