package bench

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// outageTime is how long PostgreSQL is stopped.
const outageTime = time.Minute

// BenchmarkOutage has two replicas on one PostgreSQL, both under load, and stops the server itself for a minute, as a crash does. It
// counts evaluations and those that were not answered as they should be, and measures how long after PostgreSQL is back a kill at
// one replica is taken, and how long after that the other one serves it. scripts/with-postgres says how to stop it.
func BenchmarkOutage(b *testing.B) {
	control := os.Getenv("SOUK_TEST_POSTGRES_CONTROL")
	if control == "" {
		b.Skip("there is no PostgreSQL to stop: run scripts/bench")
	}
	postgres := func(words string) {
		if out, err := exec.Command("sh", "-c", control+" "+words).CombinedOutput(); err != nil {
			b.Fatalf("pg_ctl %s: %v\n%s", words, err, out)
		}
	}
	url := os.Getenv("SOUK_TEST_POSTGRES")
	first := startSouk(b, document(125, ""), "--database", url)
	second := &souk{binary: first.binary, data: b.TempDir()}
	secret, err := os.ReadFile(filepath.Join(first.data, "secret.key"))
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(second.data, "secret.key"), secret, 0o600); err != nil {
		b.Fatal(err)
	}
	second.serve(b, "--database", url)
	key, flag := first.key(b), "/flags/ends_with/environments/"+environment

	for b.Loop() {
		var asked, failed atomic.Int64
		ctx, stop := context.WithCancel(b.Context())
		var load sync.WaitGroup
		for i := range 8 {
			at := []*souk{first, second}[i%2]
			load.Go(func() {
				beat := time.NewTicker(4 * time.Millisecond)
				defer beat.Stop()
				for ctx.Err() == nil {
					if e, ok := at.evaluate(key); !ok || e.Value != true && !e.killed() {
						failed.Add(1)
					}
					asked.Add(1)
					<-beat.C
				}
			})
		}
		time.Sleep(5 * time.Second)
		postgres("-m immediate stop")
		time.Sleep(outageTime)
		postgres("start")
		back := time.Now()
		for first.try(flag+"/kill") != nil {
			time.Sleep(20 * time.Millisecond)
		}
		taken := time.Now()
		stop()
		load.Wait()
		for _, at := range []*souk{first, second} {
			for e, ok := at.evaluate(key); !ok || !e.killed(); e, ok = at.evaluate(key) {
				if time.Since(taken) > time.Minute {
					b.Fatal("the replicas do not agree after a minute")
				}
			}
		}
		b.ReportMetric(float64(asked.Load()), "evaluations")
		b.ReportMetric(float64(failed.Load()), "failed")
		b.ReportMetric(float64(taken.Sub(back).Milliseconds()), "taken-ms")
		b.ReportMetric(float64(time.Since(taken).Milliseconds()), "agree-ms")
		first.post(b, flag+"/restore")
	}
}

// evaluation is what an SDK gets.
type evaluation struct {
	Value    any            `json:"value"`
	Metadata map[string]any `json:"metadata"`
}

func (e evaluation) killed() bool { return e.Value == false && e.Metadata["killed"] == true }

// evaluate asks, as an SDK does, for a flag whose rule gives true; ok is false unless it is answered with 200.
func (s *souk) evaluate(key string) (e evaluation, ok bool) {
	request, err := http.NewRequest(http.MethodPost, "http://"+s.address+"/ofrep/v1/evaluate/flags/ends_with", strings.NewReader(`{"context":{"email":"bob@hyfin.example"}}`))
	if err != nil {
		return e, false
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return e, false
	}
	defer response.Body.Close()
	err = json.NewDecoder(response.Body).Decode(&e)
	return e, err == nil && response.StatusCode == http.StatusOK
}
