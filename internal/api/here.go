package api

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
)

// HerePath is where the local socket takes kills on this replica alone. It is no part of the API: nobody else reaches it, and it
// works without a database.
const HerePath = "/local/kill-here"

// HereOrder is what is to be turned off on this replica alone.
type HereOrder struct {
	Flag        string `json:"flag"`
	Environment string `json:"environment"`
	Reason      string `json:"reason,omitempty"`
}

// HereDone is what was turned off on this replica alone.
type HereDone struct {
	HereOrder
	ID string `json:"id"`
}

// killHere answers kills on this replica alone.
func (a *API) killHere(w http.ResponseWriter, r *http.Request) {
	by, ok := r.Context().Value(localKey{}).(access.Actor)
	if !ok || a.KillHere == nil {
		a.refuse(w, r, fault.New(fault.NotFound, "unknown_path", "there is nothing at %s", r.URL.Path).Fix("see /api/v1/openapi.json for what there is"))
		return
	}
	var order HereOrder
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&order); err != nil {
		a.refuse(w, r, fault.New(fault.Invalid, "bad_json", "the body is not what was expected").Fix("send flag, environment and reason").Because(err))
		return
	}
	done, err := a.KillHere(r.Context(), by, order.Flag, order.Environment, order.Reason)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(HereDone{HereOrder: order, ID: done.ID}); err != nil {
		a.Log.LogAttrs(r.Context(), slog.LevelDebug, "answer not written", slog.Any("error", err))
	}
}
