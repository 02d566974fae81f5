package api

import (
	"context"
	"net/http"

	"github.com/soukhq/souk/internal/access"
	"github.com/soukhq/souk/internal/fault"
)

// Session is who is signed in and what the console may offer.
type Session struct {
	Person     *SessionPerson  `json:"person"`
	Can        []access.Action `json:"can" doc:"Actions that the person may do anywhere"`
	Mode       Mode            `json:"mode" enum:"demo,serve"`
	DemoPeople []DemoPerson    `json:"demo_people,omitempty" doc:"Whom one may sign in as, in a demo"`
	Version    string          `json:"version"`
	SetUp      bool            `json:"setup" doc:"Nobody is an administrator yet: the server's log has a link for the first one"`

	Publishers access.Publishers `json:"publishers" enum:"everyone,role" doc:"Who may ask for requests, in the groups that they belong to"`
}

// SessionPerson is the person who is signed in.
type SessionPerson struct {
	ID          access.PersonID `json:"id" doc:"Empty for the local socket"`
	Email       string          `json:"email"`
	DisplayName string          `json:"display_name"`
	Groups      []string        `json:"groups"`
	Roles       []access.Role   `json:"roles"`
	Domains     []access.Domain `json:"domains"`
	HasPassword bool            `json:"has_password"`
	Suspended   bool            `json:"suspended" doc:"An administrator who may only read and object, until a proposal to disable them has ended"`
}

// DemoPerson is somebody whom one may sign in as, in a demo.
type DemoPerson struct {
	Email       string `json:"email"`
	ShortName   string `json:"short_name"`
	DisplayName string `json:"display_name"`
	Does        string `json:"does" doc:"What the person does in the story"`
}

// Credentials are what one signs in with: address and password, an API token, or in a demo an address alone.
type Credentials struct {
	Email    string `json:"email,omitempty"`
	Password string `json:"password,omitempty"`
	Token    string `json:"token,omitempty" doc:"An API token, souk_…, instead of email and password"`
}

type sessionAnswer struct {
	SetCookie string `header:"Set-Cookie"`
	Body      Session
}

type signIn struct {
	Request
	Body Credentials
}

func session(a *API) {
	register(a, operation{method: http.MethodGet, path: "/session", id: "get-session", summary: "Who is signed in"},
		access.Public, func(ctx context.Context, by access.Actor, _ *none) (*reply[Session], error) {
			session, err := a.session(ctx, by)
			return &reply[Session]{Body: session}, err
		})
	register(a, operation{method: http.MethodPost, path: "/session", id: "sign-in", summary: "Sign in", password: true},
		access.Public, func(ctx context.Context, _ access.Actor, in *signIn) (*sessionAnswer, error) {
			cookie, by, err := a.signIn(ctx, in)
			if err != nil {
				return nil, err
			}
			return a.signedIn(ctx, cookie, by)
		})
	register(a, operation{method: http.MethodDelete, path: "/session", id: "sign-out", summary: "Sign out"},
		access.Public, func(ctx context.Context, _ access.Actor, in *Request) (*sessionAnswer, error) {
			cookie, err := a.Sessions.SignOut(ctx, in.http)
			if err != nil {
				return nil, err
			}
			return a.signedIn(ctx, cookie, access.Actor{})
		})
}

// signedIn answers with a session and its cookie.
func (a *API) signedIn(ctx context.Context, cookie *http.Cookie, by access.Actor) (*sessionAnswer, error) {
	session, err := a.session(ctx, by)
	return &sessionAnswer{SetCookie: cookie.String(), Body: session}, err
}

func (a *API) signIn(ctx context.Context, in *signIn) (*http.Cookie, access.Actor, error) {
	switch {
	case (in.Body.Email == "") == (in.Body.Token == "") || in.Body.Token != "" && in.Body.Password != "":
		return nil, access.Actor{}, fault.New(fault.Invalid, "no_credential", "sign in with an e-mail address and its password, or with a token").
			Fix("send email and password, or token")
	case in.Body.Token != "":
		if _, err := a.Tokens.Recognize(ctx, in.http, in.Body.Token); err != nil { // which slows down whoever guesses
			return nil, access.Actor{}, err
		}
		return a.Sessions.SignInWithToken(ctx, in.http, in.Body.Token)
	case in.Body.Password != "":
		return a.Accounts.SignIn(ctx, in.http, in.Body.Email, in.Body.Password)
	case a.Mode != Demo:
		return nil, access.Actor{}, fault.New(fault.Forbidden, "not_a_demo", "an address alone signs nobody in here").At("email").
			Fix("send the password, too")
	}
	for _, person := range a.People {
		if person.Email == in.Body.Email {
			return a.Sessions.SignIn(ctx, in.http, person.Email)
		}
	}
	return nil, access.Actor{}, fault.New(fault.Forbidden, "not_in_the_demo", "the demo lets one be its own people only").At("email").
		Fix("choose one of demo_people in GET /api/v1/session")
}

// session describes who acts. While the database is away, whoever is not signed in learns nothing of set-up.
func (a *API) session(ctx context.Context, by access.Actor) (Session, error) {
	s := Session{Mode: a.Mode, Version: a.Version, Publishers: access.PublishersEveryone}
	if a.Sessions.Publishers != "" {
		s.Publishers = a.Sessions.Publishers
	}
	hasPassword, setUp, err := a.Accounts.Standing(ctx, by)
	if err != nil && by.Email != "" {
		return Session{}, err
	}
	s.SetUp = setUp
	if a.Mode == Demo {
		s.DemoPeople = a.People
	}
	if by.Email == "" {
		return s, nil
	}
	p := &SessionPerson{ID: by.PersonID, Email: by.Email, DisplayName: by.Name, HasPassword: hasPassword, Suspended: by.Suspended}
	for _, m := range by.Groups {
		p.Groups = append(p.Groups, m.Group)
		p.Roles = appendNew(p.Roles, m.Roles)
		p.Domains = appendNew(p.Domains, m.Domains)
	}
	s.Person = p
	s.Can = access.Held(by)
	return s, nil
}

func appendNew[T comparable](all, more []T) []T {
	for _, item := range more {
		known := false
		for _, other := range all {
			known = known || other == item
		}
		if !known {
			all = append(all, item)
		}
	}
	return all
}
