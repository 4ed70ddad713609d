package conformstore

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/vantage-go/live/table"
)

// crashEnv is the environment variable that makes a test binary the process that
// is killed; its value says where the store is.
const crashEnv = "LIVESQL_STORE_CRASH"

// crashName is what the process writes to.
const crashName = "crashes"

// Main makes the program the process that [Crash] kills, if it was started as
// such; then it does not return. TestMain calls it first of all.
func Main(open func(place string) (table.RowStore, error)) {
	place := os.Getenv(crashEnv)
	if place == "" {
		return
	}
	store, err := open(place)
	if err == nil {
		err = write(context.Background(), store)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// write writes without end. Every row of one write has its number, which is the
// mark, too.
func write(ctx context.Context, store table.RowStore) error {
	s, err := store.Open(ctx, crashName)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		rows := 10
		if n%5 == 1 {
			rows = 12_000
		}
		mark := strconv.Itoa(n*100_000 + rows)
		if n%5 == 1 {
			err = s.Replace(ctx, []byte(mark), numbered(mark, rows))
		} else { // the number of rows goes from 12,000 to 10 and stays
			err = s.Update(ctx, []byte(mark), updated(mark, rows, n%5 == 2))
		}
		if err != nil {
			return err
		}
		if n == 1 {
			_, _ = os.Stdout.WriteString("writing\n")
		}
	}
}

func numbered(mark string, rows int) iter.Seq2[table.StoredRow, error] {
	return func(yield func(table.StoredRow, error) bool) {
		for i := range rows {
			if !yield(table.StoredRow{Key: []byte(strconv.Itoa(i)), Row: []byte(mark)}, nil) {
				return
			}
		}
	}
}

func updated(mark string, rows int, first bool) []table.StoredRow {
	var all []table.StoredRow
	for i := range rows {
		all = append(all, table.StoredRow{Key: []byte(strconv.Itoa(i)), Row: []byte(mark)})
	}
	for i := rows; first && i < 12_000; i++ {
		all = append(all, table.StoredRow{Key: []byte(strconv.Itoa(i))})
	}
	return all
}

// Crash kills a process of this test binary in the middle of its writes, times
// over, and looks whether what is left is one of them, whole. The binary's
// TestMain must call [Main].
func Crash(t *testing.T, place string, times int, f *Fixture) {
	t.Helper()
	for i := range times {
		cmd := exec.Command(os.Args[0]) //nolint:noctx // it is killed below
		cmd.Env = append(os.Environ(), crashEnv+"="+place)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if !bufio.NewScanner(out).Scan() {
			t.Error("the process does not write")
		}
		time.Sleep(rand.N(200 * time.Millisecond)) //nolint:forbidigo // when it dies is what is random
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if f.Expire != nil {
			f.Expire(t)
		}
		whole(t, f.Open(t), i)
		if f.Leave != nil {
			f.Leave()
		}
	}
}

// whole looks whether what is kept is one write.
func whole(t *testing.T, store table.RowStore, i int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	s, err := store.Open(ctx, crashName)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	numbers, rows := map[string]int{}, 0
	mark, err := s.Load(ctx, func(_, row []byte) error {
		numbers[string(row)]++
		rows++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(string(mark))
	if err != nil || n%100_000 != rows || numbers[string(mark)] != rows {
		t.Errorf("behind crash %d, under mark %q there are %d rows, of %d writes", i, mark, rows, len(numbers))
	}
}
