package review_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/soukhq/souk/internal/review"
	"github.com/soukhq/souk/internal/store"
	"github.com/soukhq/souk/internal/store/storetest"
)

// set writes a column of a request past the desk.
func (o *office) set(id, column, text string) {
	o.Helper()
	err := o.db.Write(o.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE request SET `+column+` = $1 WHERE id = $2`, text, id)
		return err
	})
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) columnOf(id, column string) (text string) {
	o.Helper()
	err := o.db.Read(o.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT `+column+` FROM request WHERE id = $1`, id).Scan(&text)
	})
	if err != nil {
		o.Fatal(err)
	}
	return text
}

func TestListsDoNotReadWhatMayBeMegabytes(t *testing.T) {
	each(t, func(o *office) {
		c := where2eat()
		c.Attachments = []review.Attachment{{Name: "scan.sarif", Content: strings.Repeat("x", 400_000)}}
		r := o.submit(c)
		if _, err := o.desk.Comment(o.Context(), o.as("pat"), r.ID, review.CommentSpec{Words: "why pilot?"}); err != nil {
			o.Fatal(err)
		}
		var flags []string
		for i := range 2_000 {
			flags = append(flags, fmt.Sprintf(`"f%d": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}`, i))
		}
		imported, err := o.desk.Import(o.Context(), o.as("root"), review.Content{
			Environment: "production", Format: "flagd", Document: `{"flags": {` + strings.Join(flags, ",") + `}}`,
		}, store.NewID(), false)
		if err != nil {
			o.Fatal(err)
		}
		ids := []string{r.ID, imported.Request.ID}
		bulk := map[string]string{}
		for _, id := range ids {
			if n := len(o.columnOf(id, "content") + o.columnOf(id, "assessment")); n > 20_000 {
				o.Errorf("lists read %d bytes of %s", n, id)
			}
			bulk[id] = o.columnOf(id, "bulk")
			o.set(id, "bulk", "whoever reads this fails")
		}
		list, err := o.desk.List(o.Context(), o.as("pat"), review.Query{}, store.Page{})
		if err != nil || len(list.Items) != 2 {
			o.Fatalf("%d requests, %v", len(list.Items), err)
		}
		if said, err := o.desk.Unanswered(o.Context(), o.as("alice")); err != nil || len(said) != 1 || said[0].Title != r.Title {
			o.Errorf("%+v, %v", said, err)
		}
		for _, id := range ids {
			if _, err := o.desk.Get(o.Context(), o.as("pat"), id); err == nil {
				o.Errorf("%s is shown without its bulk", id)
			}
			o.set(id, "bulk", bulk[id])
		}
		got, err := o.desk.Get(o.Context(), o.as("pat"), r.ID)
		if err != nil || len(got.Attachments) != 1 || len(got.Diff) != len(r.Diff) || len(got.Diff) == 0 {
			o.Errorf("%d files, %d changes, %v", len(got.Attachments), len(got.Diff), err)
		}
		// A request from before there was the column has all of it in its content.
		o.set(imported.Request.ID, "bulk", "")
		o.set(imported.Request.ID, "content", `{"kind": "import_flags", "environment": "production", "format": "flagd", "document": "{\"flags\": {}}"}`)
		c, err = o.desk.Content(o.Context(), o.as("pat"), imported.Request.ID)
		if err != nil || c.Document != `{"flags": {}}` {
			o.Errorf("%+v, %v", c, err)
		}
	})
}

// TestASegmentIsFoundInOpenImportsWithoutReadingTheirDocuments spoils the document of an import first, and then what is kept of it beside.
func TestASegmentIsFoundInOpenImportsWithoutReadingTheirDocuments(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := open(t, db)
		asked := o.imported(`"wrap"`, `{"$ref": "pilot"}`)
		whole := o.columnOf(asked.ID, "bulk")
		for spoiled, member := range map[string]string{"the document": "document", "what is kept beside, as if it were from before": "refers"} {
			var bulk map[string]any
			if err := json.Unmarshal([]byte(whole), &bulk); err != nil {
				t.Fatal(err)
			}
			if bulk["refers"] == nil || bulk["document"] == nil {
				t.Fatalf("%s", whole)
			}
			delete(bulk, member)
			text, err := json.Marshal(bulk)
			if err != nil {
				t.Fatal(err)
			}
			o.set(asked.ID, "bulk", string(text))
			if out, err := o.put(everybody); err != nil || out.Request == nil {
				t.Errorf("without %s everybody is answered %+v, %v", spoiled, out, err)
			}
		}
	})
}
