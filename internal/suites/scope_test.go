//go:build unix

package suites

import (
	"slices"
	"strings"
	"testing"
)

func TestScope(t *testing.T) {
	s := newScope("here")
	var order []string
	err := s.do(func(s *scope) {
		s.Cleanup(func() { order = append(order, "first") })
		s.Cleanup(func() {
			if s.Context().Err() == nil {
				t.Error("the context lives on during the cleanup")
			}
			order = append(order, "second")
			s.Error("late")
		})
		s.Fatal("enough")
		order = append(order, "after Fatal")
	})
	if err == nil || !strings.Contains(err.Error(), "enough") {
		t.Errorf("do = %v", err)
	}
	if err := s.do(func(*scope) {}); err != nil {
		t.Errorf("an error was reported twice: %v", err)
	}
	if err := s.close(); err == nil || err.Error() != "late" {
		t.Errorf("close = %v", err)
	}
	if want := []string{"second", "first"}; !slices.Equal(order, want) {
		t.Errorf("order = %v, want %v", order, want)
	}
}
