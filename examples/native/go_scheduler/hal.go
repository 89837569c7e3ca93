package main

/*
#cgo LDFLAGS: -lhal -lm
#include <hal.h>
#include <stdlib.h>

extern int score(hal_batch *, double *, void *);
extern void forget(void *);
*/
import "C"

import (
	"errors"
	"runtime"
	"runtime/cgo"
	"unsafe"
)

// A Scorer is asked for a score from 0 to 1 of each candidate, by the MiB that are free there and the most
// that any node has.
type Scorer func(free, largest int64) float64

// checked runs a call and turns its status into an error. Why it failed is kept by thread, and goroutines change
// threads between calls: the call and the question why must not be parted.
func checked(call func() C.int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if call() != C.HAL_OK {
		return errors.New(C.GoString(C.hal_last_error()))
	}
	return nil
}

// A Cluster that decides by one policy.
type Cluster struct {
	handle *C.hal_cluster
	policy *C.hal_policy
}

// NewCluster makes an empty cluster whose policy packs as best_fit does, and half as much by the scorer.
func NewCluster(own Scorer) (*Cluster, error) {
	if C.hal_abi_version_min() > C.HAL_ABI_VERSION || C.hal_abi_version() < C.HAL_ABI_VERSION {
		return nil, errors.New("this libhal does not serve the hal.h that the program was built with")
	}
	c := &Cluster{}
	if err := checked(func() C.int { return C.hal_cluster_new(&c.handle) }); err != nil {
		return nil, err
	}
	if err := checked(func() C.int { return C.hal_policy_new(nil, &c.policy) }); err != nil {
		return nil, err
	}
	name := C.CString("best_fit")
	defer C.free(unsafe.Pointer(name))
	if err := checked(func() C.int { return C.hal_policy_add_named(c.policy, name, 1, nil, 0) }); err != nil {
		return nil, err
	}
	// The library keeps the data: a handle in C's memory, as Go's own must not stay there.
	data := (*C.uintptr_t)(C.malloc(C.size_t(unsafe.Sizeof(C.uintptr_t(0)))))
	*data = C.uintptr_t(cgo.NewHandle(own))
	label := C.CString("go_scorer")
	defer C.free(unsafe.Pointer(label))
	scorer := C.hal_scorer{abi_version: C.HAL_ABI_VERSION, scope: C.HAL_SCOPE_NODE, name: label, data: unsafe.Pointer(data)}
	scorer.size = C.size_t(unsafe.Sizeof(scorer))
	scorer.score = (C.hal_score_fn)(unsafe.Pointer(C.score))
	scorer.release = (*[0]byte)(unsafe.Pointer(C.forget))
	if err := checked(func() C.int { return C.hal_policy_add_scorer(c.policy, &scorer, 0.5) }); err != nil {
		forget(unsafe.Pointer(data))
		return nil, err
	}
	return c, nil
}

//export score
func score(batch *C.hal_batch, scores *C.double, data unsafe.Pointer) C.int {
	own := cgo.Handle(*(*C.uintptr_t)(data)).Value().(Scorer)
	columns := batch.columns
	nodes := unsafe.Slice(batch.nodes, int(batch.n_candidates))
	free := unsafe.Slice(unsafe.Slice(columns.free, int(columns.n_resources))[C.HAL_MEMORY], int(columns.n_nodes))
	largest := unsafe.Slice(columns.capacity_max, int(columns.n_resources))[C.HAL_MEMORY]
	out := unsafe.Slice(scores, len(nodes))
	for i, node := range nodes {
		out[i] = C.double(own(int64(free[node]), int64(largest)))
	}
	return 0
}

//export forget
func forget(data unsafe.Pointer) {
	cgo.Handle(*(*C.uintptr_t)(data)).Delete()
	C.free(data)
}

// AddNode adds a node: milli-CPU and MiB.
func (c *Cluster) AddNode(name string, cpu, memory int64) error {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	node := C.hal_node{name: text, cpu: C.int64_t(cpu), memory: C.int64_t(memory)}
	node.size = C.size_t(unsafe.Sizeof(node))
	return checked(func() C.int { return C.hal_cluster_add_nodes(c.handle, &node, 1) })
}

// A Shape is what one task asks for.
type Shape struct{ handle *C.hal_shape }

// NewShape checks a request once, for many jobs.
func NewShape(cpu, memory int64) (Shape, error) {
	spec := C.hal_shape_spec{cpu: C.int64_t(cpu), memory: C.int64_t(memory)}
	spec.size = C.size_t(unsafe.Sizeof(spec))
	var s Shape
	err := checked(func() C.int { return C.hal_shape_new(&spec, &s.handle) })
	return s, err
}

// Free ends the use of a shape.
func (s Shape) Free() { C.hal_shape_free(s.handle) }

// Place books one task; ok is false when it has to wait.
func (c *Cluster) Place(s Shape) (id int64, ok bool, err error) {
	job := C.hal_job{shape: s.handle, tasks: 1}
	job.size = C.size_t(unsafe.Sizeof(job))
	var placements *C.hal_placements
	if err = checked(func() C.int {
		return C.hal_place(c.handle, c.policy, &job, 1, C.HAL_APPLY, &placements)
	}); err != nil {
		return 0, false, err
	}
	defer C.hal_placements_free(placements)
	var answer C.hal_placement_columns
	answer.size = C.size_t(unsafe.Sizeof(answer))
	if err = checked(func() C.int { return C.hal_placements_get(placements, &answer) }); err != nil {
		return 0, false, err
	}
	return int64(*answer.id), *answer.status == C.HAL_PLACED, nil
}

// Release ends a job.
func (c *Cluster) Release(id int64) error {
	job := C.int64_t(id)
	return checked(func() C.int { return C.hal_release(c.handle, &job, 1) })
}

// Digest is a hash of the state.
func (c *Cluster) Digest() (uint64, error) {
	var out C.uint64_t
	err := checked(func() C.int { return C.hal_cluster_digest(c.handle, &out) })
	return uint64(out), err
}

// Close frees the policy and the cluster.
func (c *Cluster) Close() {
	C.hal_policy_free(c.policy)
	C.hal_cluster_free(c.handle)
}
