// Package template holds the versioned recipes that flags are made from.
//
// A document says which fields a publisher fills in, which checks a request must pass, and how the flag is shaped, rolled
// out and retired. It becomes one JSON Schema that the browser and the server both judge by. What is once posted never
// changes: a changed document is the next version, and requests name the version that they were made from.
package template

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Document is a template as people write it; its members keep their camelCase.
type Document struct {
	TemplateID     string         `json:"templateId" doc:"Name of the template, such as microapp-basic-toggle-v1"`
	DisplayName    string         `json:"displayName" doc:"Name in plain words"`
	Description    string         `json:"description" doc:"What it is for, in plain words"`
	Fields         Fields         `json:"fields" doc:"What a publisher fills in, in the order of the form"`
	RequiredChecks []string       `json:"requiredChecks" nullable:"false" doc:"Checks that a request must pass besides schema and policy"`
	Flag           *Flag          `json:"flag,omitempty" doc:"Shape of the flag; absent is a boolean with the variants on and off"`
	Rollout        []Step         `json:"rollout,omitempty" doc:"Steps of the rollout; absent is the default plan"`
	AutoStart      bool           `json:"auto_start,omitempty" doc:"An approved rollout starts by itself"`
	OnAlert        string         `json:"on_alert,omitempty" enum:"revert,escalate" doc:"What an alert about the flag does"`
	Lifecycle      *Lifecycle     `json:"lifecycle,omitempty" doc:"Absent is the deployment's lifecycle"`
	Approvals      map[string]int `json:"approvals,omitempty" doc:"Approvals needed by domain, besides those that policy asks for"`
}

// Fields are the fields of a document by name. In JSON they keep the order that they were written in.
type Fields map[string]Field

// Field is one thing that a publisher fills in.
type Field struct {
	Type      FieldType         `json:"type" enum:"string,text,boolean,integer,number,percentage,enum,email,url,date,team,user,segment,semver,list"`
	Required  bool              `json:"required,omitempty"`
	Default   any               `json:"default,omitempty"`
	Min       *float64          `json:"min,omitempty" doc:"Least number, length of a text, or count of a list"`
	Max       *float64          `json:"max,omitempty" doc:"Greatest number, length of a text, or count of a list"`
	Pattern   string            `json:"pattern,omitempty" doc:"Regular expression that a text, or each text of a list, must match; understood alike by RE2 and JavaScript"`
	Values    []string          `json:"values,omitempty" doc:"Choices of an enum, or of the items of a list"`
	Items     FieldType         `json:"items,omitempty" doc:"Type of the items of a list: any but list; absent is string, or enum where there are values"`
	Title     string            `json:"title,omitempty" doc:"Label in the form"`
	Titles    map[string]string `json:"value_titles,omitempty" doc:"Choices in plain words, by value; a choice without one is shown as it is"`
	Help      string            `json:"help,omitempty" doc:"A sentence below the label"`
	VisibleIf map[string]any    `json:"visible_if,omitempty" doc:"Shown and required only while these fields have these values"`

	order int
}

// Flag is the shape of the flags that a template makes.
type Flag struct {
	Type       string         `json:"type,omitempty" enum:"boolean,string,number,object"`
	Variants   map[string]any `json:"variants,omitempty"`
	On         string         `json:"on,omitempty" doc:"Variant that a rollout gives to its audience"`
	Off        string         `json:"off,omitempty" doc:"Variant that a kill serves"`
	ClientSide bool           `json:"client_side,omitempty" doc:"Browser keys see the flag"`
}

// Step is one stage of a rollout plan. Audience may be "{audience}", which stands for what the publisher chose.
type Step struct {
	Environment string   `json:"environment"`
	Audience    string   `json:"audience,omitempty" doc:"Segment; absent is everybody"`
	Percent     any      `json:"percent" doc:"1 to 100, or a field in braces that gives it, such as {percent}"`
	Bake        string   `json:"bake,omitempty" doc:"Time to watch before going on: a whole number, or a field in braces that gives one, and s, m, h or d"`
	Guards      []string `json:"guards,omitempty" doc:"Names of the measures that the step is watched by"`
	Promote     string   `json:"promote,omitempty" enum:"guard,person,time"`
}

// Stage is a step with the publisher's fields put in.
type Stage struct {
	Environment string   `json:"environment"`
	Audience    string   `json:"audience,omitempty" doc:"Segment; absent is everybody"`
	Percent     int      `json:"percent" doc:"1 to 100; 0 where the field that gives it has no value yet"`
	Bake        string   `json:"bake,omitempty" doc:"Time to watch before going on: a whole number and s, m, h or d"`
	Guards      []string `json:"guards,omitempty"`
	Promote     string   `json:"promote,omitempty" enum:"guard,person,time"`
}

// Lifecycle is the lifecycle policy of the flags that a template makes.
type Lifecycle struct {
	MaxActiveDays        int   `json:"max_active_days,omitempty"`
	ReminderScheduleDays []int `json:"reminder_schedule_days,omitempty"`
	DeprecatedGraceDays  int   `json:"deprecated_grace_days,omitempty"`
}

// Names gives the names of the fields in the order of the form.
func (f Fields) Names() []string {
	return slices.SortedFunc(maps.Keys(f), func(a, b string) int {
		if f[a].order != f[b].order {
			return f[a].order - f[b].order
		}
		return strings.Compare(a, b)
	})
}

// MarshalJSON writes the fields in the order of the form.
func (f Fields) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range f.Names() {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f[name])
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads the fields and remembers their order.
func (f *Fields) UnmarshalJSON(raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	*f = Fields{}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return fmt.Errorf("fields are no object")
		}
		var field Field
		if err := decoder.Decode(&field); err != nil {
			return err
		}
		field.order = len(*f)
		(*f)[name] = field
	}
	return nil
}

// Label is the name of a field in plain words: its title, or what its name suggests.
func (d Document) Label(name string) string {
	if title := d.Fields[name].Title; title != "" {
		return title
	}
	if label, ok := labels[name]; ok {
		return label
	}
	words := strings.ReplaceAll(name, "_", " ")
	if words == "" {
		return name
	}
	return strings.ToUpper(words[:1]) + words[1:]
}

var labels = map[string]string{"ttl_days": "TTL in days", "audiences": "Audience", "default": "Default for everybody else"}

// Fill gives the fields with the template's defaults for those that are absent or null; fields itself is left alone.
func (d Document) Fill(fields map[string]any) map[string]any {
	filled := maps.Clone(fields)
	if filled == nil {
		filled = map[string]any{}
	}
	for name, field := range d.Fields {
		if filled[name] == nil && field.Default != nil {
			filled[name] = field.Default
		}
	}
	return filled
}

// Steps gives the rollout plan with the publisher's fields put in for its placeholders.
func (d Document) Steps(fields map[string]any) []Stage {
	var stages []Stage
	for _, s := range d.Rollout {
		stages = append(stages, Stage{
			Environment: s.Environment, Audience: Substitute(s.Audience, fields), Percent: percentOf(s.Percent, fields),
			Bake: Substitute(s.Bake, fields), Guards: s.Guards, Promote: s.Promote,
		})
	}
	return stages
}

// percentOf gives a share in whole percent: what the template says, or what the field says that it names, rounded up so that
// somebody sees it.
func percentOf(share any, fields map[string]any) int {
	if text, ok := share.(string); ok {
		share = fields[fieldOf(text)]
	}
	switch n := share.(type) {
	case float64:
		if n > 0 && n <= 100 {
			return int(math.Ceil(n))
		}
	case int:
		return n
	}
	return 0
}

// Substitute replaces {name} by the field of that name, and {audience} by the field audiences. What names no field stays.
func Substitute(text string, fields map[string]any) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		value, ok := fields[fieldOf(found)]
		if !ok || value == nil {
			return found
		}
		return fmt.Sprint(value)
	})
}

// fieldOf names the field that a placeholder such as {audience} stands for.
func fieldOf(found string) string {
	name := strings.Trim(found, "{}")
	if name == "audience" {
		return "audiences"
	}
	return name
}

// BakeTime is how long the step is watched; zero without a bake.
func (s Stage) BakeTime() time.Duration {
	parts := bakeTime.FindStringSubmatch(s.Bake)
	if parts == nil {
		return 0
	}
	var count int64
	if _, err := fmt.Sscan(parts[1], &count); err != nil {
		return 0
	}
	return time.Duration(count) * bakeUnits[parts[2]]
}

var bakeUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}
