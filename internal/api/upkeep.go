package api

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/soukhq/souk/internal/access"
)

// Health is how a part of an installation is.
type Health string

// The healths.
const (
	Well    Health = "well"
	Warning Health = "warning" // it works, and something should be done
	Failed  Health = "failed"  // something does not work
)

// Diagnosis is what was found of one part of an installation.
type Diagnosis struct {
	Name        string `json:"name" doc:"Part that was looked at, such as database or approvers"`
	Status      Health `json:"status" enum:"well,warning,failed"`
	Words       string `json:"words"`
	Remediation string `json:"remediation,omitempty" doc:"How to mend it"`
}

// Examination is the answer of a doctor.
type Examination struct {
	Items []Diagnosis `json:"items"`
}

// upkeep is what keeps an installation alive: the doctor and the backup.
func upkeep(a *API) {
	register(a, operation{method: http.MethodGet, path: "/doctor", id: "examine", summary: "What is wrong with the installation, and how to mend it"},
		access.Backup, func(ctx context.Context, by access.Actor, _ *none) (*reply[Examination], error) {
			found, err := a.Doctor(ctx, by)
			return &reply[Examination]{Body: Examination{Items: found}}, err
		})
	register(a, operation{
		method: http.MethodGet, path: "/backup", id: "take-backup",
		summary: "All that is committed, in one gzipped file for souk restore; keys and sessions are left out",
	}, access.Backup, func(_ context.Context, by access.Actor, _ *none) (*streamed, error) {
		return &streamed{Body: func(c huma.Context) {
			r, w := humago.Unwrap(c)
			out := &download{ResponseWriter: w, kind: "application/gzip", name: "souk.backup"}
			a.finish(out, r, a.sendBackup(r.Context(), by, out))
		}}, nil
	})
	a.downloads("/backup", "application/gzip")
}

// sendBackup sends a backup from disk, so that a client that does not read holds nothing of the database.
func (a *API) sendBackup(ctx context.Context, by access.Actor, out io.Writer) error {
	spooled, err := a.Backups.Spool(ctx, by)
	if err != nil {
		return err
	}
	defer func() { _ = spooled.Close() }()
	if _, err := io.Copy(out, spooled); err != nil {
		return fmt.Errorf("send backup: %w", err)
	}
	return nil
}
