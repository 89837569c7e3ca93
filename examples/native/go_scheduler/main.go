// A scheduler in Go: an event loop that places arriving jobs and releases those that end.
//
// go_scheduler [JOBS [NODES]]: arrivals and run times come from a fixed seed. Jobs that do not fit wait, and are tried
// again, oldest first, when something ends. Prints one line of figures; exits with 1 when anything is wrong.
package main

import (
	"container/heap"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
)

type end struct {
	time uint64
	job  int64
}

type ends []end

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].time < e[j].time }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(end)) }
func (e *ends) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func try(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func argument(i, otherwise int) int {
	if len(os.Args) <= i {
		return otherwise
	}
	n, err := strconv.Atoi(os.Args[i])
	try(err)
	return n
}

func main() {
	jobs, nodes := argument(1, 100_000), argument(2, 100)
	asked := 0
	cluster, err := NewCluster(func(free, largest int64) float64 {
		asked++
		return 1 - float64(free)/float64(largest)
	})
	try(err)
	for i := 0; i < nodes; i++ {
		try(cluster.AddNode(fmt.Sprintf("n%d", i), 64_000, 262_144))
	}
	if err := cluster.AddNode("n0", 1, 1); err == nil || !strings.Contains(err.Error(), "n0") {
		try(fmt.Errorf("a name that is taken was not refused by name: %v", err))
	}
	shapes := make([]Shape, 8)
	for s := range shapes {
		shapes[s], err = NewShape(int64(1000*(s+1)), int64(2048<<(s%4)))
		try(err)
	}
	empty, err := cluster.Digest()
	try(err)

	random := rand.New(rand.NewSource(42))
	var running ends
	var waiting []int // a shape each
	var now uint64
	arrived, placed, most := 0, 0, 0
	for arrived < jobs || len(running) > 0 {
		if arrived < jobs && (len(running) == 0 || running[0].time > now) {
			waiting = append(waiting, random.Intn(len(shapes)))
			arrived++
			now++
		} else {
			next := heap.Pop(&running).(end)
			if next.time > now {
				now = next.time
			}
			try(cluster.Release(next.job))
		}
		for len(waiting) > 0 {
			id, ok, err := cluster.Place(shapes[waiting[0]])
			try(err)
			if !ok {
				break
			}
			waiting = waiting[1:]
			placed++
			heap.Push(&running, end{now + 1 + uint64(random.Intn(2000)), id})
			if len(running) > most {
				most = len(running)
			}
		}
	}
	digest, err := cluster.Digest()
	try(err)
	for _, shape := range shapes {
		shape.Free()
	}
	cluster.Close()
	fmt.Printf("placed and released %d jobs on %d nodes, %d at once at most; the scorer in Go was asked %d times\n",
		placed, nodes, most, asked)
	if placed != jobs || digest != empty || asked == 0 {
		try(fmt.Errorf("the cluster is not as it was"))
	}
}
