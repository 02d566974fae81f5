package template

import (
	"strings"
	"testing"

	"github.com/soukhq/souk/templates"
)

func TestWhatADocumentAsksLessForIsSaid(t *testing.T) {
	t.Parallel()
	strict := func() Document {
		most, least := 60.0, 1.0
		return Document{
			DisplayName: "Switch", RequiredChecks: []string{"security_scan"}, Approvals: map[string]int{"legal": 2}, OnAlert: "revert",
			Fields: Fields{
				"ttl_days": {Type: "integer", Required: true, Min: &least, Max: &most}, "kill_switch": {Type: "boolean", Default: true},
				"audiences": {Type: "enum", Values: []string{"pilot"}, Required: true}, "code": {Type: "string", Pattern: "^x"},
				"data_classification": {Type: "enum", Values: []string{"none", "internal", "confidential"}},
			},
			Rollout: []Step{
				{Environment: "staging", Percent: 100.0, Bake: "1h", Promote: "time"},
				{Environment: "production", Percent: 5.0, Bake: "1h", Promote: "person", Guards: []string{"errors"}},
				{Environment: "production", Percent: "{percent}", Bake: "{hours}h", Promote: "guard"},
			},
			Lifecycle: &Lifecycle{MaxActiveDays: 90, DeprecatedGraceDays: 7, ReminderScheduleDays: []int{14, 7}},
		}
	}
	field := func(name string, change func(f *Field)) func(d *Document) {
		return func(d *Document) {
			f := d.Fields[name]
			change(&f)
			d.Fields[name] = f
		}
	}
	more, less := 90.0, 0.0
	for name, c := range map[string]struct {
		change func(d *Document)
		words  string // empty: nothing is looser
	}{
		"nothing":                  {func(*Document) {}, ""},
		"another name":             {func(d *Document) { d.DisplayName = "Other" }, ""},
		"one check more":           {func(d *Document) { d.RequiredChecks = append(d.RequiredChecks, "preview") }, ""},
		"no check":                 {func(d *Document) { d.RequiredChecks = nil }, "security_scan"},
		"fewer approvals":          {func(d *Document) { d.Approvals = map[string]int{"legal": 1} }, "1 approvals of legal"},
		"starts by itself":         {func(d *Document) { d.AutoStart = true }, "by itself"},
		"an alert does not revert": {func(d *Document) { d.OnAlert = "escalate" }, "alert"},
		"browsers see it":          {func(d *Document) { d.Flag = &Flag{ClientSide: true} }, "browsers"},
		"another off value":        {func(d *Document) { d.Flag = &Flag{Off: "on"} }, "other values"},
		"a lower limit":            {field("ttl_days", func(f *Field) { half := 30.0; f.Max = &half }), ""},
		"a higher limit":           {field("ttl_days", func(f *Field) { f.Max = &more }), "up to 90"},
		"no limit":                 {field("ttl_days", func(f *Field) { f.Max = nil }), "anything"},
		"a lower least":            {field("ttl_days", func(f *Field) { f.Min = &less }), "less than 1"},
		"no longer required":       {field("ttl_days", func(f *Field) { f.Required = false }), "no longer requires"},
		"asked for at times":       {field("ttl_days", func(f *Field) { f.VisibleIf = map[string]any{"kill_switch": false} }), "fewer cases"},
		"another type":             {field("ttl_days", func(f *Field) { f.Type = "string" }), "other values"},
		"a field is gone":          {func(d *Document) { delete(d.Fields, "ttl_days") }, "no longer requires"},
		"another audience":         {field("audiences", func(f *Field) { f.Values = []string{"pilot", "everybody"} }), "everybody"},
		"another pattern":          {field("code", func(f *Field) { f.Pattern = "" }), "other texts"},
		"no kill switch at first":  {field("kill_switch", func(f *Field) { f.Default = false }), "default"},
		"the form asks about data": {func(d *Document) { delete(d.Fields, DataField) }, ""},
		"no confidential data":     {field("data_classification", func(f *Field) { f.Values = []string{"none", "internal"} }), "no longer takes confidential"},
		"no app without data":      {field("data_classification", func(f *Field) { f.Values = []string{"internal", "confidential"} }), ""},
		"no data is called so":     {field("data_classification", func(f *Field) { f.Titles = map[string]string{"none": "Customers, money or people"} }), "in other words"},
		"the question is another":  {field("data_classification", func(f *Field) { f.Title = "What it does without" }), "in other words"},
		"no data unless said":      {field("data_classification", func(f *Field) { f.Default = "none" }), `"none" as the default`},
		"a step more": {func(d *Document) {
			d.Rollout = append([]Step{d.Rollout[0], {Environment: "production", Percent: 1.0}}, d.Rollout[1:]...)
		}, ""},
		"a wide step more": {func(d *Document) {
			d.Rollout = append([]Step{d.Rollout[0], {Environment: "production", Percent: 50.0}}, d.Rollout[1:]...)
		}, "50 %"},
		"a step less":              {func(d *Document) { d.Rollout = []Step{d.Rollout[0], d.Rollout[2]} }, "production"},
		"a longer bake":            {func(d *Document) { d.Rollout[1].Bake = "2h" }, ""},
		"a shorter bake":           {func(d *Document) { d.Rollout[1].Bake = "1s" }, "5 % for 1s"},
		"a bake that was a field":  {func(d *Document) { d.Rollout[2].Bake = "1s" }, "for 1s"},
		"a smaller share":          {func(d *Document) { d.Rollout[1].Percent = 1.0 }, ""},
		"a larger share":           {func(d *Document) { d.Rollout[1].Percent = 6.0 }, "6 %"},
		"a share that was a field": {func(d *Document) { d.Rollout[2].Percent = 100.0 }, "100 %"},
		"another audience of all":  {func(d *Document) { d.Rollout[1].Audience = "beta" }, "production"},
		"promoted by time":         {func(d *Document) { d.Rollout[1].Promote = "time" }, "production"},
		"promoted by a person":     {func(d *Document) { d.Rollout[0].Promote = "person" }, ""},
		"a guard less":             {func(d *Document) { d.Rollout[1].Guards = nil }, "production"},
		"no plan":                  {func(d *Document) { d.Rollout = nil }, "usual plan"},
		"another environment":      {func(d *Document) { d.Rollout = append(d.Rollout, Step{Environment: "eu", Percent: 100.0}) }, "eu, too"},
		"active for longer":        {func(d *Document) { d.Lifecycle.MaxActiveDays = 91 }, "91 days"},
		"active for less":          {func(d *Document) { d.Lifecycle.MaxActiveDays = 30 }, ""},
		"a longer grace":           {func(d *Document) { d.Lifecycle.DeprecatedGraceDays = 8 }, "8 days"},
		"fewer reminders":          {func(d *Document) { d.Lifecycle.ReminderScheduleDays = []int{14} }, "reminds"},
		"the deployment's":         {func(d *Document) { d.Lifecycle = nil }, "as long as the deployment says"},
	} {
		after := strict()
		c.change(&after)
		words := strings.Join(looser(strict(), after), "; ")
		if (words == "") != (c.words == "") || !strings.Contains(words, c.words) {
			t.Errorf("%s: %q", name, words)
		}
	}
}

func TestANewTemplateIsComparedWithTheStrictestStarter(t *testing.T) {
	t.Parallel()
	raw, err := templates.Files.ReadFile(strictestStarter + ".json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := read(raw)
	if err != nil {
		t.Fatal(err)
	}
	best, err := benchmark(doc)
	if words := looser(best, doc); err != nil || len(words) > 0 || best.Fields["ttl_days"].Max == nil || len(best.Fields["undo"].Type) > 0 {
		t.Errorf("the strictest starter is looser than itself: %v, %v", words, err)
	}
	doc.Fields[DataField] = dataQuestion
	if words := looser(best, doc); len(words) > 0 {
		t.Errorf("asking about data as the form does is looser: %v", words)
	}
	for what, change := range map[string]func(f *Field){
		"another title":    func(f *Field) { f.Title = "How much help do you need" },
		"another help":     func(f *Field) { f.Help = "Choose none" },
		"no help":          func(f *Field) { f.Help = "" },
		"another choice":   func(f *Field) { f.Titles = map[string]string{"none": "Nothing"} },
		"words of no kind": func(f *Field) { f.Title, f.Help, f.Titles = "", "", nil },
	} {
		field := dataQuestion
		change(&field)
		doc.Fields[DataField] = field
		best, err := benchmark(doc)
		if words := strings.Join(looser(best, doc), "; "); err != nil || !strings.Contains(words, "in other words") {
			t.Errorf("%s for the question about data is no looser: %q, %v", what, words, err)
		}
	}
	delete(doc.Fields, DataField)
	doc.Rollout = nil // the usual plan
	if best, err = benchmark(doc); err != nil || len(looser(best, doc)) > 0 {
		t.Errorf("the usual plan is looser: %v, %v", looser(best, doc), err)
	}
}
