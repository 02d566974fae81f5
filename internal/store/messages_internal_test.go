package store

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestMessagesAreWholeOrLeftOut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var parts []string
		var messages [][]byte
		var ends []int // by message, how many parts there are with it
		for range rapid.IntRange(1, 5).Draw(t, "messages") {
			message := bytes.Repeat([]byte{byte(len(messages))}, rapid.SampledFrom([]int{0, 1, 5_600, 5_625, 5_626, 40_000}).Draw(t, "size"))
			messages = append(messages, message)
			for _, part := range split("topic", message) {
				if len(part) >= 8_000 {
					t.Fatalf("PostgreSQL takes no part of %d bytes", len(part))
				}
				parts = append(parts, part)
			}
			ends = append(ends, len(parts))
		}
		lost := rapid.IntRange(-1, len(parts)-1).Draw(t, "lost")
		want, begin := [][]byte{}, 0
		for i, end := range ends {
			if lost < begin || lost >= end {
				want = append(want, messages[i])
			}
			begin = end
		}
		if lost >= 0 {
			parts = slices.Delete(parts, lost, lost+1)
		}
		var j joiner
		got := [][]byte{}
		for _, part := range parts {
			if topic, message, whole := j.add(part); whole {
				if topic != "topic" {
					t.Fatal(topic)
				}
				got = append(got, message)
			}
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("%d messages came whole, want %d", len(got), len(want))
		}
	})
}
