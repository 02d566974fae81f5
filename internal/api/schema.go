package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/soukhq/souk/internal/review"
)

// schemaNames tells apart, in the document, types that carry the same name in their packages.
var schemaNames = map[string]string{
	"review.App":     "RequestApp",
	"review.Content": "RequestContent",
	"review.Edit":    "RequestEdit",
	"rollout.Step":   "RolloutStep",
	"kill.Act":       "KillAct",
	"store.Listing[github.com/soukhq/souk/internal/kill.Act]": "ListingKillAct",
	"template.Document":  "TemplateDocument",
	"template.Flag":      "TemplateFlag",
	"template.Field":     "TemplateField",
	"template.Step":      "TemplateStep",
	"template.Lifecycle": "TemplateLifecycle",
	"apply.Step":         "PlanStep",
	"apply.Plan":         "ApplyPlan",
	"apply.Change":       "PlanChange",
	"apply.Document":     "ApplyDocument",
	"lifecycle.Status":   "LifecycleStatus",
	"catalog.Status":     "AppStatus",
	"catalog.Data":       "AppData",
	"catalog.Facet":      "AppCount",
	"catalog.Facets":     "AppCounts",
	"policy.Trial":       "PolicyTry",
	"review.PolicyTrial": "PolicyDryRun",
	"review.FailingFlag": "FailingFlag",
	"policy.Tried":       "PolicyVerdict",
	"policy.RuleTrace":   "PolicyRule",
	"policy.StepTrace":   "PolicyStep",
	"policy.TestResult":  "PolicyTest",
	"template.Checked":   "TemplateVerdict",
	"lifecycle.Rules":    "LifecycleRules",
	"measure.Report":     "FlagUsage",
	"measure.Series":     "UsageSeries",
	"measure.Point":      "UsagePoint",
	"measure.Client":     "UsageClient",
	"registry.Imported":  "ImportedDefinition",
	"importer.Plan":      "ImportPlan",
	"importer.Step":      "ImportStep",
	"importer.Gap":       "FlagGap",
	"sdkkey.Key":         "SDKKey",
	"sdkkey.Spec":        "KeySpec",
	"sdkkey.Limits":      "KeyLimits",
	"store.Listing[github.com/soukhq/souk/internal/sdkkey.Key]": "ListingSDKKey",
	"watch.Change":  "WatchChange",
	"api.Importing": "ImportWish",
	"api.Imported":  "ImportOutcome",
}

func nameSchema(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, ok := schemaNames[t.String()]; ok {
		return name
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// prepareSchemas says of some types what their Go form cannot.
func prepareSchemas(schemas huma.Registry) {
	// Any part of a request may be missing: that is a finding of its checks and refuses nothing.
	for _, content := range []reflect.Type{reflect.TypeFor[review.Content](), reflect.TypeFor[review.Edit]()} {
		schema := schemas.SchemaFromRef(schemas.Schema(content, true, "").Ref)
		schema.Required = nil
		schema.PrecomputeMessages()
	}

	state := schemas.SchemaFromRef(schemas.Schema(reflect.TypeFor[Session](), true, "").Ref)
	state.Properties["person"] = &huma.Schema{
		OneOf:       []*huma.Schema{state.Properties["person"], {Type: "null"}},
		Description: "Who is signed in; null if nobody is",
	}
	state.PrecomputeMessages()
}
