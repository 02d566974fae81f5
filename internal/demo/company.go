package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/api"
	"github.com/soukhq/souk/internal/apply"
	"github.com/soukhq/souk/internal/fault"
)

// company holds HyFin Bank as files that souk apply takes: its people, its groups, its policy and its lifecycle.
//
//go:embed company
var company embed.FS

// domain ends every address of the company.
const domain = "@hyfin.example"

// cast is whom the reader may be, in the order in which the story needs them.
var cast = []api.DemoPerson{
	{ShortName: "alice", DisplayName: "Alice Moreau", Does: "wants to publish an app: Where2Eat, for team lunches"},
	{ShortName: "pat", DisplayName: "Pat Lindqvist", Does: "approves for product"},
	{ShortName: "sam", DisplayName: "Sam Okafor", Does: "approves for security"},
	{ShortName: "petra", DisplayName: "Petra Nováková", Does: "approves for the platform"},
	{ShortName: "olu", DisplayName: "Olu Adeyemi", Does: "is on call and may turn anything off"},
	{ShortName: "ada", DisplayName: "Ada Keller", Does: "audits who did what, when, on whose approval"},
	{ShortName: "root", DisplayName: "Rohan Root", Does: "administers people, groups and policies"},
}

// Cast gives the people whom one may sign in as.
func Cast() []api.DemoPerson {
	people := make([]api.DemoPerson, len(cast))
	for i, p := range cast {
		p.Email = p.ShortName + domain
		people[i] = p
	}
	return people
}

// found makes the company: what its files say, applied as an administrator would.
func (s *story) found(ctx context.Context) error {
	root, err := fs.Sub(company, "company")
	if err != nil {
		return fmt.Errorf("open the company's files: %w", err)
	}
	documents, _, err := apply.Load(root)
	if err != nil {
		return told("read the company's files", err)
	}
	if _, err := s.Apply.Apply(ctx, access.System("demo"), documents, apply.Options{}); err != nil {
		return told("apply the company's files", err)
	}
	return nil
}

// told wraps an error together with the findings that say where it is.
func told(act string, err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok && len(f.Findings) > 0 {
		first := f.Findings[0]
		return fmt.Errorf("%s: %s: %s: %w", act, first.File, first.Message, err)
	}
	return fmt.Errorf("%s: %w", act, err)
}
