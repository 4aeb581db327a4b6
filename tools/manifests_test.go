// Package tools holds what checks and packages the project and is no part of it, in a module of its
// own so that the project's stays small.
package tools

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// kinds are what our manifests may hold, as Kubernetes' own types.
var kinds = map[string]func() any{
	"batch/v1 CronJob":         func() any { return new(batchv1.CronJob) },
	"batch/v1 Job":             func() any { return new(batchv1.Job) },
	"apps/v1 Deployment":       func() any { return new(appsv1.Deployment) },
	"v1 PersistentVolumeClaim": func() any { return new(corev1.PersistentVolumeClaim) },
	"v1 ConfigMap":             func() any { return new(corev1.ConfigMap) },
	"v1 Secret":                func() any { return new(corev1.Secret) },
	"apps/v1 StatefulSet":      func() any { return new(appsv1.StatefulSet) },
	"v1 Service":               func() any { return new(corev1.Service) },
	"v1 ServiceAccount":        func() any { return new(corev1.ServiceAccount) },
}

// Every document of every manifest is one that Kubernetes takes: each field known, each value of
// its type.
func TestManifests(t *testing.T) {
	paths, err := filepath.Glob("../packaging/kubernetes/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		for i, document := range bytes.Split(text, []byte("\n---\n")) {
			object, err := decode(document)
			if err != nil {
				t.Errorf("%s, document %d: %v", path, i+1, err)
				continue
			}
			if job, ok := object.(*batchv1.CronJob); ok {
				checkJob(t, path, job, seen)
			}
			seen = append(seen, object.(metav1.Object).GetName())
		}
	}
}

func decode(document []byte) (any, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal(document, &kind); err != nil {
		return nil, err
	}
	make, ok := kinds[kind.APIVersion+" "+kind.Kind]
	if !ok {
		return nil, &unknownKind{kind}
	}
	object := make()
	return object, yaml.UnmarshalStrict(document, object)
}

type unknownKind struct{ metav1.TypeMeta }

func (u *unknownKind) Error() string { return "unknown kind " + u.APIVersion + " " + u.Kind }

// checkJob holds what the types do not say: names that refer to each other, and one job at a time.
func checkJob(t *testing.T, path string, job *batchv1.CronJob, claims []string) {
	t.Helper()
	pod := job.Spec.JobTemplate.Spec.Template.Spec
	volumes := map[string]string{}
	for _, v := range pod.Volumes {
		if v.PersistentVolumeClaim != nil {
			volumes[v.Name] = v.PersistentVolumeClaim.ClaimName
		}
	}
	if job.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent {
		t.Errorf("%s: two jobs may run at once", path)
	}
	if len(strings.Fields(job.Spec.Schedule)) != 5 {
		t.Errorf("%s: schedule %q", path, job.Spec.Schedule)
	}
	for _, c := range pod.Containers {
		folder := ""
		for _, v := range c.Env {
			if v.Name == "INCYDR_CHECKPOINT_DIR" {
				folder = v.Value
			}
		}
		i := slices.IndexFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool { return m.MountPath == folder })
		if i < 0 || !slices.Contains(claims, volumes[c.VolumeMounts[i].Name]) {
			t.Errorf("%s: the checkpoints of %s do not lie on a volume that stays", path, c.Name)
		}
	}
}

// The check can fail: a field that is misspelt, a value of the wrong type, a kind nobody knows.
func TestCheckFindsMistakes(t *testing.T) {
	for _, document := range []string{
		"apiVersion: batch/v1\nkind: CronJob\nspec: {shedule: x}",
		"apiVersion: batch/v1\nkind: CronJob\nspec: {suspend: maybe}",
		"apiVersion: batch/v2\nkind: CronJob",
		"apiVersion: [",
	} {
		if _, err := decode([]byte(document)); err == nil {
			t.Errorf("taken: %s", document)
		}
	}
}
