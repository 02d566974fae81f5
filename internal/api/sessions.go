package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/signin"
	"github.com/soukhq/souk/internal/store"
)

// Ended tells how many sessions were ended.
type Ended struct {
	Ended int `json:"ended"`
}

// PasswordChange is a new password with the present one.
type PasswordChange struct {
	Current string `json:"current"`
	New     string `json:"new" doc:"12 to 200 characters"`
}

type passwordChange struct {
	Request
	Body PasswordChange
}

type sessionsQuery struct {
	Paging
	Person string `query:"person" doc:"E-mail of the person, for administrators; oneself if absent"`
}

func sessions(a *API) {
	register(a, operation{method: http.MethodGet, path: "/sessions", id: "list-sessions", summary: "List one's own sessions, or for administrators those of a person"},
		access.SessionManage, func(ctx context.Context, by access.Actor, in *sessionsQuery) (*reply[store.Listing[signin.SignedIn]], error) {
			list, err := a.Sessions.List(ctx, by, in.Person, in.page())
			return &reply[store.Listing[signin.SignedIn]]{Body: list}, err
		})
	register(a, operation{method: http.MethodPost, path: "/sessions/{id}/end", id: "end-session", status: http.StatusOK, summary: "End a session"},
		access.SessionManage, func(ctx context.Context, by access.Actor, in *ByID) (*reply[Ended], error) {
			return &reply[Ended]{Body: Ended{1}}, a.Sessions.End(ctx, by, in.ID)
		})
	register(a, operation{
		method: http.MethodPost, path: "/sessions:end-others", id: "end-other-sessions", status: http.StatusOK, summary: "End all one's own sessions but this one",
	}, access.SessionManage, func(ctx context.Context, by access.Actor, _ *none) (*reply[Ended], error) {
		ended, err := a.Sessions.EndOthers(ctx, by)
		return &reply[Ended]{Body: Ended{ended}}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/people/{email}/sign-out", id: "sign-out-person", status: http.StatusOK, summary: "End all sessions of a person",
	}, access.PeopleWrite, func(ctx context.Context, by access.Actor, in *ByEmail) (*reply[Ended], error) {
		ended, err := a.Sessions.SignOutEverywhere(ctx, by, in.Email)
		return &reply[Ended]{Body: Ended{ended}}, err
	})
	register(a, operation{
		method: http.MethodPost, path: "/session/password", id: "change-password", status: http.StatusOK, password: true,
		summary: "Change one's own password; one's other sessions end",
	}, access.SessionManage, func(ctx context.Context, by access.Actor, in *passwordChange) (*reply[Session], error) {
		if err := a.Accounts.ChangePassword(ctx, by, in.http, in.Body.Current, in.Body.New); err != nil {
			return nil, err
		}
		session, err := a.session(ctx, by)
		return &reply[Session]{Body: session}, err
	})
}
