package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/soukhq/souk/internal/fault"
)

func TestTheGateServesLanesInTheirOrderAndEachInTheOrderOfArrival(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.enter(t.Context(), normal); err != nil {
			t.Fatal(err)
		}
		let := make(chan string, 6)
		for _, who := range []struct {
			name string
			in   lane
		}{{"mark", last}, {"submit", normal}, {"kill", first}, {"usage", last}, {"edit", normal}, {"abort", first}} {
			go func() {
				if err := g.enter(t.Context(), who.in); err != nil {
					t.Error(err)
				}
				let <- who.name
				g.leave()
			}()
			synctest.Wait() // it waits
		}
		g.leave()
		synctest.Wait()
		close(let)
		var got []string
		for name := range let {
			got = append(got, name)
		}
		if want := []string{"kill", "abort", "submit", "edit", "mark", "usage"}; !slices.Equal(got, want) {
			t.Errorf("let in %v, want %v", got, want)
		}
	})
}

func TestTheGateNeverLetsInMoreThanItsSizeNorLosesAPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.IntRange(1, 3).Draw(r, "size")
		visits := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) visit {
			return visit{
				lane(rapid.IntRange(0, 2).Draw(r, "lane")), rapid.IntRange(0, 9).Draw(r, "comes"),
				rapid.IntRange(1, 9).Draw(r, "waits"), rapid.IntRange(0, 9).Draw(r, "stays"),
			}
		}), 1, 20).Draw(r, "visits")
		synctest.Test(t, func(t *testing.T) {
			g, inside := newGate(size), make(chan struct{}, size)
			for _, v := range visits {
				go v.pay(t, g, inside)
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if g.free != size {
				t.Errorf("%d places are free at the end, of %d", g.free, size)
			}
		})
	})
}

// visit is somebody who comes to a gate; in milliseconds.
type visit struct {
	in                  lane
	comes, waits, stays int
}

func (v visit) pay(t *testing.T, g *gate, inside chan struct{}) {
	time.Sleep(time.Duration(v.comes) * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(v.waits)*time.Millisecond)
	defer cancel()
	if g.enter(ctx, v.in) != nil {
		return
	}
	defer g.leave()
	select {
	case inside <- struct{}{}:
	default:
		t.Error("more are inside than the gate has places")
		return
	}
	time.Sleep(time.Duration(v.stays) * time.Millisecond)
	<-inside
}

func TestAWaitForAConnectionEndsAsBusyAndThatOfSomebodyWhoLeftDoesNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := pool{gate: newGate(0)}
		begun := time.Now()
		if err := p.enter(t.Context(), patience); !errors.Is(err, ErrBusy) || !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(begun); waited != patience {
			t.Errorf("waited %v, not %v", waited, patience)
		}
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if err := p.enter(ctx, patience); !errors.Is(err, context.Canceled) || errors.Is(err, ErrBusy) {
			t.Errorf("got %v", err)
		}
	})
}
