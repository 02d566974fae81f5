// Package apply makes an installation what files say it should be.
//
// Load reads the files, Plan compares them with what is there, and Target.Apply carries the difference out through the same
// verbs that every other surface uses. Applying the same files again does nothing.
package apply

import (
	"encoding/json"
	"slices"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/review"
)

// APIVersion is the version of the form of documents.
const APIVersion = "souk/v1"

// Kind is what a document describes.
type Kind string

// The kinds, in the order in which they are carried out: later ones name earlier ones.
const (
	Environment Kind = "Environment"
	Person      Kind = "Person"
	Group       Kind = "Group"
	Segment     Kind = "Segment"
	Template    Kind = "Template"
	Policy      Kind = "Policy"
	Lifecycle   Kind = "Lifecycle"
	App         Kind = "App"
	Flag        Kind = "Flag"
)

var kinds = []Kind{Environment, Person, Group, Segment, Template, Policy, Lifecycle, App, Flag}

func (k Kind) order() int { return slices.Index(kinds, k) }

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return names
}

// defaultLifecycle is the name of the only document of kind Lifecycle: the deployment's default.
const defaultLifecycle = "default"

// Document says what one thing should be. Spec is JSON whatever the file was written in.
type Document struct {
	Kind   Kind            `json:"kind" enum:"Environment,Person,Group,Segment,Template,Policy,Lifecycle,App,Flag"`
	Name   string          `json:"name" doc:"An address, a name, a templateId, a package, a slug or a key; default for Lifecycle"`
	Source string          `json:"source,omitempty" doc:"File and line that the document comes from, for messages"`
	Spec   json.RawMessage `json:"spec" doc:"What the thing should be; the members depend on the kind"`
}

// Action is what a plan does to a thing.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Keep   Action = "unchanged"
	Ask    Action = "request" // apps and flags are changed by requests only
	Remove Action = "remove"  // files named it and no longer do
)

// Plan is what applying the documents does, in order.
type Plan struct {
	Steps    []Step          `json:"steps"`
	Warnings []fault.Finding `json:"warnings"`
	// Revealed gives the revisions that SDKs are to see, by environment.
	Revealed map[string]int64 `json:"-"`
}

// Step is what the plan does to one thing.
type Step struct {
	Action  Action   `json:"action" enum:"create,update,unchanged,request,remove"`
	Kind    Kind     `json:"kind"`
	Name    string   `json:"name"`
	Source  string   `json:"source,omitempty"`
	Changes []Change `json:"changes" doc:"Empty when the thing stays as it is"`
	Done    bool     `json:"done" doc:"The step was carried out; false in a dry run"`

	Requests []string `json:"requests" doc:"Ids of the requests that were made"`
	Waiting  string   `json:"waiting,omitempty" doc:"What has to happen before the thing is what the files say"`

	wanted map[string]any   // what the files say, member by member
	asks   []review.Content // to be asked for
	tags   []string         // to be set, besides; nil leaves them
}

// Change is one member that differs.
type Change struct {
	Field  string `json:"field"`
	Before any    `json:"before" doc:"null where there was nothing"`
	After  any    `json:"after"`
	Drift  bool   `json:"drift,omitempty" doc:"It was changed otherwise since the files were last applied, and this undoes that"`
}

// Options say how documents are applied.
type Options struct {
	DryRun bool // plan only
	Prune  bool // remove what earlier documents named and these do not
}

// Count tells how many steps of the plan have the action.
func (p Plan) Count(action Action) (n int) {
	for _, s := range p.Steps {
		if s.Action == action {
			n++
		}
	}
	return n
}
