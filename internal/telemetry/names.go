package telemetry

// Kind is how a metric grows.
type Kind string

// The kinds.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Metric is one metric that Prometheus may read at /metrics. Its labels have few values each, all from the installation itself:
// nothing that a caller makes up is ever one, nor is the key of a flag.
type Metric struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string // a sentence without its full stop
}

// The metrics.
var (
	BuildInfo = Metric{"souk_build_info", Gauge, []string{"version", "go_version"}, "Always 1; its labels say what runs"}

	Evaluations = Metric{"souk_evaluations_total", Counter, []string{"environment", "protocol", "reason", "code"}, "Evaluations of flags; code is empty unless reason is error; cached are flags of which a client was told that nothing changed"}
	Bulks       = Metric{"souk_bulk_requests_total", Counter, []string{"environment", "protocol", "result"}, "Requests for all flags at once that were evaluated, or answered with unchanged"}
	SDKDuration = Metric{"souk_sdk_request_duration_seconds", Histogram, []string{"protocol", "operation"}, "How long requests of SDKs took inside the server, by single flag and by bulk"}
	SDKRefusals = Metric{"souk_sdk_refusals_total", Counter, []string{"protocol", "reason"}, "Requests of SDKs that were refused before an evaluation: no good key, a web page of a foreign origin, flags not loaded"}

	StreamsOpen = Metric{"souk_streams_open", Gauge, []string{"protocol", "environment"}, "Streams of SDKs that are open"}
	StreamExits = Metric{"souk_stream_exits_total", Counter, []string{"protocol", "environment", "reason"}, "Streams of SDKs that ended, and why"}

	SnapshotRevision = Metric{"souk_snapshot_revision", Gauge, []string{"environment"}, "Revision of an environment that this replica serves; replicas differ for seconds only"}
	SnapshotFlags    = Metric{"souk_snapshot_flags", Gauge, []string{"environment"}, "Flags of an environment that this replica serves"}
	SnapshotLeftOut  = Metric{"souk_snapshot_left_out_flags", Gauge, []string{"environment"}, "Flags of an environment that in-process SDKs do not get, since their engines would refuse all flags for them; souk doctor names them"}
	SnapshotStale    = Metric{"souk_snapshot_stale", Gauge, nil, "1 while the database cannot be read, so that changes may be missing"}
	SnapshotAge      = Metric{"souk_snapshot_age_seconds", Gauge, nil, "How long ago the database last said that what is served is current"}
	Propagation      = Metric{"souk_propagation_seconds", Histogram, []string{"environment"}, "From the time of a change to when this replica serves it; clocks of replicas that differ show here"}

	UsageSeries  = Metric{"souk_usage_series", Gauge, nil, "Series of evaluations that this replica tells apart at present; at most 20,000"}
	UsageUnnamed = Metric{"souk_usage_unnamed_total", Counter, nil, "Evaluations that were counted without their flag, since there were too many to tell apart"}
	UsagePending = Metric{"souk_usage_pending_rows", Gauge, nil, "Rows of usage that wait for the database"}
	UsageLost    = Metric{"souk_usage_lost_total", Counter, nil, "Evaluations whose usage was not kept, since the database was away for too long"}

	DatabaseUp   = Metric{"souk_database_up", Gauge, nil, "1 if the database answers"}
	Leader       = Metric{"souk_leader", Gauge, nil, "1 on the replica that sequences the audit log and promotes rollouts; exactly one should be"}
	AuditWaiting = Metric{"souk_audit_waiting_events", Gauge, nil, "Audit events that have no place in the tree yet"}
	AuditLag     = Metric{"souk_audit_lag_seconds", Gauge, nil, "Age of the oldest audit event that has no place in the tree yet; 0 if there is none"}

	APIRequests = Metric{"souk_api_requests_total", Counter, []string{"operation", "status"}, "Requests to the API by operation, as openapi.json names it; other is what none has, console its files"}
	APIDuration = Metric{"souk_api_request_duration_seconds", Histogram, []string{"operation"}, "How long requests to the API took, streams left out"}
)

// All lists the metrics of Souk's own. Those of the Go runtime and of the process come besides, as client_golang names them.
func All() []Metric {
	return []Metric{
		Evaluations, Bulks, SDKDuration, SDKRefusals, StreamsOpen, StreamExits,
		SnapshotRevision, SnapshotFlags, SnapshotLeftOut, SnapshotStale, SnapshotAge, Propagation,
		UsageSeries, UsageUnnamed, UsagePending, UsageLost,
		DatabaseUp, Leader, AuditWaiting, AuditLag, APIRequests, APIDuration, BuildInfo,
	}
}
