// Package catalog knows the apps of the marketplace.
package catalog

import "time"

// Kind is how an app is delivered.
type Kind string

// External is an app at a URL of its own, behind a flag: the one kind that exists so far.
const External Kind = "external"

// App is a micro-app. It comes to be by a request only.
type App struct {
	Slug        string    `json:"slug"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Category    string    `json:"category"`
	Owner       string    `json:"owner" doc:"Group that owns the app"`
	Contact     string    `json:"contact"`
	Kind        Kind      `json:"kind" enum:"external"`
	URL         string    `json:"url"`
	Data        Data      `json:"data,omitzero" doc:"What its team says of the data that it shows; absent if it was not asked"`
	Listed      bool      `json:"listed" doc:"Shown in the marketplace: its publishing was approved"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at" doc:"When it last said something else of itself, or was published"`
	Revision    int64     `json:"revision"`
}
