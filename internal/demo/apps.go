package demo

import (
	"github.com/soukhq/souk/internal/catalog"
	"github.com/soukhq/souk/internal/review"
)

// The apps that the company has when the reader comes.
var (
	branchQueue = publication{by: "fatima", content: review.Content{
		Kind: review.PublishApp, TemplateID: "dashboard-v1", Reason: "branch managers phone around to learn where help is needed",
		App: &review.App{
			Slug: "branch-queue", Name: "Branch Queue", Description: "How long customers wait, branch by branch, now and over the day.",
			Category: "dashboard", Owner: "team-branch", Contact: "fatima" + domain, Kind: "external", URL: "https://branch-queue.hyfin.example",
			Data: catalog.Data{Classification: catalog.NoData},
		},
		Fields: map[string]any{
			"name": "Enabled", "owner": "fatima" + domain, "audiences": "internal", "ttl_days": 90.0,
		},
		RemovalPlan: "Fold the chart into the branch portal, then take the app down.",
	}, tags: []string{"branches"}}
	fraudDigest = publication{by: "dana", content: review.Content{
		Kind: review.PublishApp, TemplateID: "microapp-basic-toggle-v1", Reason: "the desk reads forty alerts before the first coffee",
		App: &review.App{
			Slug: "fraud-digest", Name: "Fraud Digest", Description: "The night's card alerts on one page, grouped by pattern.",
			Category: "notification", Owner: "team-fraud", Contact: "dana" + domain, Kind: "external", URL: "https://fraud-digest.hyfin.example",
			Data: catalog.Data{Classification: catalog.Confidential, Why: "The night's card alerts, with names and amounts."},
		},
		Fields: map[string]any{"name": "Enabled", "owner": "dana" + domain, "audiences": "pilot", "ttl_days": 30.0},
	}, tags: []string{"card-data", "personal-data"}}
	cardLimits = publication{by: "gita", content: review.Content{
		Kind: review.PublishApp, TemplateID: "microapp-basic-toggle-v1", Reason: "colleagues ask us by mail what the limits are",
		App: &review.App{
			Slug: "card-limits", Name: "Card Limits", Description: "Looks up the limits of each card product, with what changes next month.",
			Category: "integration", Owner: "team-cards", Contact: "gita" + domain, Kind: "external", URL: "https://card-limits.hyfin.example",
			Data: catalog.Data{Classification: catalog.NoData},
		},
		Fields: map[string]any{"name": "Enabled", "owner": "gita" + domain, "audiences": "beta", "ttl_days": 30.0},
	}}
	rateBoard = publication{by: "gita", content: review.Content{
		Kind: review.PublishApp, TemplateID: "dashboard-v1", Reason: "traders and tellers quote from different sheets",
		App: &review.App{
			Slug: "rate-board", Name: "Rate Board", Description: "Today's rates for savings and loans, with what changed since yesterday.",
			Category: "dashboard", Owner: "team-cards", Contact: "gita" + domain, Kind: "external", URL: "https://rate-board.hyfin.example",
			Data: catalog.Data{Classification: catalog.NoData},
		},
		Fields:      map[string]any{"name": "Enabled", "owner": "gita" + domain, "audiences": "beta", "ttl_days": 180.0},
		RemovalPlan: "The core system shows the rates itself from next summer; then take the board down.",
	}, tags: []string{"branches"}}
	oldSearch = publication{by: "emil", content: review.Content{
		Kind: review.PublishApp, TemplateID: "boolean-toggle-v1", Reason: "nobody finds forms on the intranet",
		App: &review.App{
			Slug: "old-search", Name: "Old Search", Description: "Finds forms and manuals of the branches.",
			Category: "other", Owner: "team-branch", Contact: "emil" + domain, Kind: "external", URL: "https://old-search.hyfin.example",
			Data: catalog.Data{Classification: catalog.NoData},
		},
		Fields:      map[string]any{"name": "Enabled", "owner": "emil" + domain, "audiences": "internal", "ttl_days": 60.0},
		RemovalPlan: "Replace it by the search of the intranet.",
	}}
	meetingCost = publication{by: "bob", content: review.Content{
		Kind: review.PublishApp, TemplateID: "notification-v1", Reason: "an hour with twelve people costs more than the lunch",
		App: &review.App{
			Slug: "meeting-cost", Name: "Meeting Cost", Description: "Says what a meeting costs, before it begins.",
			Category: "notification", Owner: "team-lunch", Contact: "bob" + domain, Kind: "external", URL: "https://meeting-cost.hyfin.example",
			Data: catalog.Data{Classification: catalog.Internal, Why: "Salary bands, to work out what an hour costs."},
		},
		Fields: map[string]any{"name": "Sending", "owner": "bob" + domain, "audiences": "pilot", "channel": "chat", "most_per_day": 3.0, "ttl_days": 30.0},
	}}
	onboardingBuddy = publication{by: "fatima", content: review.Content{
		Kind: review.PublishApp, TemplateID: "automation-v1", Reason: "new colleagues wait a week for their accounts",
		App: &review.App{
			Slug: "onboarding-buddy", Name: "Onboarding Buddy", Description: "Asks for accounts, badge and desk of a new colleague in one go.",
			Category: "automation", Owner: "team-branch", Contact: "fatima" + domain, Kind: "external", URL: "https://onboarding-buddy.hyfin.example",
			Data: catalog.Data{Classification: catalog.Internal, Why: "Names and start dates of new colleagues."},
		},
		Fields: map[string]any{"starts": "person", "systems": []any{"Accounts", "Badges", "Desks"}, "undo": "Close the tickets that it opened.", "name": "Running", "owner": "fatima" + domain, "audiences": "pilot", "ttl_days": 21.0},
	}, tags: []string{"personal-data"}}
	cashForecast = publication{by: "emil", content: review.Content{
		Kind: review.PublishApp, TemplateID: "dashboard-v1", Reason: "branches order cash by gut feeling",
		App: &review.App{
			Slug: "cash-forecast", Name: "Cash Forecast", Description: "How much cash a branch will need over the next five days.",
			Category: "dashboard", Owner: "team-branch", Contact: "emil" + domain, Kind: "external", URL: "https://cash-forecast.hyfin.example",
			Data: catalog.Data{Classification: catalog.Internal, Why: "How much cash each branch held over the last year."},
		},
		Fields: map[string]any{"name": "Enabled", "owner": "emil" + domain, "audiences": "pilot", "ttl_days": 30.0},
	}}
	tripClaims = publication{by: "dana", content: review.Content{
		Kind: review.PublishApp, TemplateID: "automation-v1", Reason: "receipts come back three times",
		App: &review.App{
			Slug: "trip-claims", Name: "Trip Claims", Description: "Reads the receipts of a business trip and fills in the claim.",
			Category: "automation", Owner: "team-fraud", Contact: "dana" + domain, Kind: "external", URL: "https://trip-claims.hyfin.example",
			Data: catalog.Data{Classification: catalog.Internal, Why: "Receipts and the bank account of whoever travelled."},
		},
		Fields:      map[string]any{"starts": "person", "systems": []any{"Travel expenses"}, "undo": "Take the claim back in the travel tool.", "name": "Running", "owner": "dana" + domain, "audiences": "beta", "ttl_days": 60.0},
		RemovalPlan: "Accounting buys a product for it next year.",
	}, tags: []string{"personal-data"}}
	voiceNotes = publication{by: "chen", content: review.Content{
		Kind: review.PublishApp, TemplateID: "automation-v1", Reason: "notes of fraud calls are typed twice",
		App: &review.App{
			Slug: "voice-notes", Name: "Voice Notes", Description: "Turns recordings of calls into notes.",
			Category: "automation", Owner: "team-fraud", Contact: "chen" + domain, Kind: "external", URL: "https://voice-notes.hyfin.example",
			Data: catalog.Data{Classification: catalog.Confidential, Why: "Recordings of calls with customers."},
		},
		Fields: map[string]any{"starts": "event", "systems": []any{"Case notes"}, "undo": "Delete the note from the case.", "name": "Running", "owner": "chen" + domain, "audiences": "pilot", "ttl_days": 30.0},
	}}
	shiftSwap = publication{by: "fatima", content: review.Content{
		Kind: review.PublishApp, TemplateID: "automation-v1",
		App: &review.App{
			Slug: "shift-swap", Name: "Shift Swap", Description: "Lets two colleagues swap a shift without a phone call.",
			Category: "automation", Owner: "team-branch", Contact: "fatima" + domain, Kind: "external",
		},
		Fields: map[string]any{"starts": "person", "systems": []any{"Shift plan"}, "name": "Running", "owner": "fatima" + domain},
	}}
)
