package measure

// Handed is one replica's part of a kill receipt: what it knows of the streams that were open to it when it had the revision,
// and claims no more. A client that came back counts for the one that was lost.
type Handed struct {
	Sent            int   `json:"sent" doc:"Open streams that were handed the revision: written and flushed without an error"`
	ConfirmedByHost int   `json:"confirmed_by_host" doc:"Of those sent, the ones whose host has acknowledged every byte; only Linux tells"`
	InProcess       int   `json:"in_process" doc:"Of those sent, the streams of SDKs that evaluate in process: nothing tells whether they apply what they were sent"`
	Refetched       int   `json:"refetched" doc:"OFREP clients that fetched the flags again because of the revision"`
	Waiting         int   `json:"waiting" doc:"Open streams that were not handed the revision yet"`
	Unreachable     int   `json:"unreachable" doc:"Streams that ended before they were handed the revision, and did not come back"`
	Reconnecting    int   `json:"reconnecting" doc:"Clients whose stream had ended shortly before, or was ended by this server, and that are not back yet"`
	LastMS          int64 `json:"last_ms" doc:"Milliseconds from when this replica had the revision to the last stream that was handed it"`
}

// Plus adds up the parts of two replicas; the slower of both counts.
func (h Handed) Plus(other Handed) Handed {
	return Handed{
		Sent: h.Sent + other.Sent, ConfirmedByHost: h.ConfirmedByHost + other.ConfirmedByHost, InProcess: h.InProcess + other.InProcess, Refetched: h.Refetched + other.Refetched,
		Waiting: h.Waiting + other.Waiting, Unreachable: h.Unreachable + other.Unreachable,
		Reconnecting: h.Reconnecting + other.Reconnecting, LastMS: max(h.LastMS, other.LastMS),
	}
}
