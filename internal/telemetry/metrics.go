package telemetry

import (
	"context"
	"maps"
	"math/bits"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapeTime bounds what a source may take: a scrape has to work above all while something is wrong.
const scrapeTime = 2 * time.Second

// Metrics is what this process tells Prometheus. A nil *Metrics takes everything and tells nothing.
type Metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	durations   *prometheus.HistogramVec
	propagation *prometheus.HistogramVec

	mu        sync.Mutex
	protocols map[string]*Protocol // guarded by mu
}

// NewMetrics makes what is told of the program itself and of its requests; AddSource tells more.
func NewMetrics() *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), protocols: map[string]*Protocol{}}
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: APIRequests.Name, Help: APIRequests.Help}, APIRequests.Labels)
	m.durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: APIDuration.Name, Help: APIDuration.Help, Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
	}, APIDuration.Labels)
	m.propagation = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: Propagation.Name, Help: Propagation.Help, Buckets: []float64{.005, .01, .02, .05, .1, .25, .5, 1, 2, 5, 15, 60},
	}, Propagation.Labels)
	m.registry.MustRegister(m.requests, m.durations, m.propagation, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.AddSource(func(_ context.Context, tell Tell) {
		tell(BuildInfo, 1, Version, runtime.Version())
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(m.protocols)) {
			for reason, word := range refusals {
				tell(SDKRefusals, float64(m.protocols[name].refused[reason].Load()), name, word)
			}
		}
	})
	m.registry.MustRegister(latencies{m})
	return m
}

// Tell tells the value of a metric, with the values of its labels in their order.
type Tell func(metric Metric, value float64, labels ...string)

// AddSource lets a function tell more at each scrape. Its context ends when the scrape waits no longer.
func (m *Metrics) AddSource(source func(ctx context.Context, tell Tell)) {
	m.registry.MustRegister(sourced(source))
}

// sourced is a collector that knows only while it collects what it has.
type sourced func(ctx context.Context, tell Tell)

// Describe implements prometheus.Collector; saying nothing means just that.
func (sourced) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s sourced) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	s(ctx, func(metric Metric, value float64, labels ...string) {
		kind := prometheus.GaugeValue
		if metric.Kind == Counter {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(metric.Name, metric.Help, metric.Labels, nil), kind, value, labels...)
	})
}

// Handler answers what Prometheus asks.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, EnableOpenMetrics: true})
}

// APIRequest counts a request to the API.
func (m *Metrics) APIRequest(operation string, status int, took time.Duration) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(operation).Observe(took.Seconds())
}

// Propagated counts how long a change took to be served here.
func (m *Metrics) Propagated(environment string, took time.Duration) {
	if m != nil {
		m.propagation.WithLabelValues(environment).Observe(max(0, took.Seconds()))
	}
}

// Refusal is why a request of an SDK was refused.
type Refusal int

// The refusals.
const (
	RefusedKey       Refusal = iota // missing, unknown, expired or revoked
	RefusedOrigin                   // from a web page that the key is not for
	RefusedNotLoaded                // the environment's flags are not loaded
	RefusedLimit                    // more than the key may
)

var refusals = [...]string{RefusedKey: "key", RefusedOrigin: "origin", RefusedNotLoaded: "not_loaded", RefusedLimit: "limit"}

// Protocol is what one protocol of the data plane tells. A nil *Protocol takes everything and tells nothing.
type Protocol struct {
	refused      [len(refusals)]atomic.Int64
	single, bulk latency
}

// Protocol gives what a protocol tells, the same each time.
func (m *Metrics) Protocol(name string) *Protocol {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.protocols[name] == nil {
		m.protocols[name] = &Protocol{}
	}
	return m.protocols[name]
}

// Refuse counts a request that was refused before an evaluation.
func (p *Protocol) Refuse(why Refusal) {
	if p != nil {
		p.refused[why].Add(1)
	}
}

// Took counts how long a request took. It is on the path of every evaluation: two additions.
func (p *Protocol) Took(bulk bool, took time.Duration) {
	switch {
	case p == nil:
	case bulk:
		p.bulk.observe(took)
	default:
		p.single.observe(took)
	}
}

// latency is a histogram whose bounds are powers of two of microseconds, from 8 µs to 8 s.
type latency struct {
	buckets [latencyBuckets + 1]atomic.Int64
	nanos   atomic.Int64
}

const (
	latencyBuckets = 21
	leastBound     = 8 * time.Microsecond
)

func (l *latency) observe(took time.Duration) {
	took = max(took, 0)
	bucket := bits.Len64(uint64((took - 1) / leastBound))
	if took == 0 {
		bucket = 0
	}
	l.buckets[min(bucket, latencyBuckets)].Add(1)
	l.nanos.Add(int64(took))
}

// latencies tells the histograms of the data plane.
type latencies struct{ metrics *Metrics }

// Describe implements prometheus.Collector.
func (latencies) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (l latencies) Collect(out chan<- prometheus.Metric) {
	l.metrics.mu.Lock()
	defer l.metrics.mu.Unlock()
	desc := prometheus.NewDesc(SDKDuration.Name, SDKDuration.Help, SDKDuration.Labels, nil)
	for name, p := range l.metrics.protocols {
		for operation, h := range map[string]*latency{"single": &p.single, "bulk": &p.bulk} {
			buckets, count := map[float64]uint64{}, uint64(0)
			for i := range latencyBuckets {
				count += uint64(h.buckets[i].Load())
				buckets[(leastBound << i).Seconds()] = count
			}
			count += uint64(h.buckets[latencyBuckets].Load())
			out <- prometheus.MustNewConstHistogram(desc, count, time.Duration(h.nanos.Load()).Seconds(), buckets, name, operation)
		}
	}
}
