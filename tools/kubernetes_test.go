package tools

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What kustomize makes of deploy/kubernetes is what Kubernetes takes, and holds together: what a
// pod mounts is there or is said to be made by hand, checkpoints lie on a volume that stays, one
// process at a time is meant to have each, and a pod that is ended is ended from its first stage.
func TestDeployments(t *testing.T) {
	folders, err := filepath.Glob("../deploy/kubernetes/*/kustomization.yaml")
	if err != nil || len(folders) < 4 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for _, path := range folders {
		name := filepath.Base(filepath.Dir(path))
		if name == "base" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkDeployment(t, render(t, filepath.Dir(path)))
		})
	}
}

// render is what kustomize makes of a folder.
func render(t *testing.T, folder string) (objects []metav1.Object) {
	t.Helper()
	build := exec.Command("go", "tool", "kustomize", "build", folder)
	build.Stderr = os.Stderr
	text, err := build.Output()
	if err != nil {
		t.Fatalf("kustomize build %s: %v", folder, err)
	}
	for i, document := range bytes.Split(text, []byte("\n---\n")) {
		object, err := decode(document)
		if err != nil {
			t.Fatalf("document %d: %v\n%s", i+1, err, document)
		}
		objects = append(objects, object.(metav1.Object))
	}
	return objects
}

// byHand are the secrets that the comments tell the reader to make.
var byHand = map[string]bool{"sess-tenants": true, "sess-tenant": true, "sess-kafka": true}

func checkDeployment(t *testing.T, objects []metav1.Object) {
	t.Helper()
	there := map[string]bool{}
	var pods []corev1.PodSpec
	for _, object := range objects {
		switch o := object.(type) {
		case *corev1.ConfigMap:
			there["configmap "+o.Name] = true
		case *corev1.PersistentVolumeClaim:
			there["claim "+o.Name] = true
			checkClaim(t, o.Spec)
		case *batchv1.CronJob:
			job := o.Spec.JobTemplate.Spec
			pods = append(pods, job.Template.Spec)
			if job.CompletionMode == nil || *job.CompletionMode != batchv1.IndexedCompletion || job.Completions == nil || job.BackoffLimitPerIndex == nil {
				t.Errorf("%s: an index a tenant, and a failure of its own for each, are what it is for", o.Name)
			}
			if job.Template.Spec.RestartPolicy != corev1.RestartPolicyNever {
				t.Errorf("%s: failures of an index are counted only where pods are not restarted in place", o.Name)
			}
			checkIndex(t, job.Template.Spec, "metadata.annotations['batch.kubernetes.io/job-completion-index']")
			if a := job.Template.Spec.Affinity; a == nil || a.PodAffinity == nil || len(a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution) == 0 {
				t.Errorf("%s: a volume for one node, and nothing that keeps the pods on one", o.Name)
			}
		case *appsv1.StatefulSet:
			pods = append(pods, o.Spec.Template.Spec)
			for _, claim := range o.Spec.VolumeClaimTemplates {
				there["template "+claim.Name] = true
				checkClaim(t, claim.Spec)
			}
			checkIndex(t, o.Spec.Template.Spec, "metadata.labels['apps.kubernetes.io/pod-index']")
			matches(t, o.Spec.Selector, o.Spec.Template.Labels)
		case *appsv1.Deployment:
			pods = append(pods, o.Spec.Template.Spec)
			if o.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType || o.Spec.Replicas == nil || *o.Spec.Replicas != 1 {
				t.Errorf("%s: two pods would have one checkpoint", o.Name)
			}
			matches(t, o.Spec.Selector, o.Spec.Template.Labels)
		}
	}
	if len(pods) != 1 {
		t.Fatalf("%d sets of pods", len(pods))
	}
	checkPod(t, pods[0], there)
}

func checkClaim(t *testing.T, spec corev1.PersistentVolumeClaimSpec) {
	t.Helper()
	if len(spec.AccessModes) != 1 || spec.AccessModes[0] != corev1.ReadWriteOnce {
		t.Errorf("a claim's access modes are %v", spec.AccessModes)
	}
	if spec.Resources.Requests.Storage().IsZero() {
		t.Error("a claim asks for no storage")
	}
}

func matches(t *testing.T, selector *metav1.LabelSelector, labels map[string]string) {
	t.Helper()
	for k, v := range selector.MatchLabels {
		if labels[k] != v {
			t.Errorf("the selector wants %s=%s and the pods have %v", k, v, labels)
		}
	}
}

// checkIndex holds that a pod learns its index from where it is, and mounts that tenant's settings alone.
func checkIndex(t *testing.T, pod corev1.PodSpec, from string) {
	t.Helper()
	c := pod.Containers[0]
	found := false
	for _, v := range c.Env {
		found = found || v.Name == "INDEX" && v.ValueFrom != nil && v.ValueFrom.FieldRef != nil && v.ValueFrom.FieldRef.FieldPath == from
	}
	if !found {
		t.Errorf("INDEX does not come from %s", from)
	}
	for _, m := range c.VolumeMounts {
		if m.Name == "tenants" && m.SubPathExpr != "$(INDEX).env" {
			t.Errorf("a pod sees all tenants' settings: %+v", m)
		}
	}
}

func checkPod(t *testing.T, pod corev1.PodSpec, there map[string]bool) {
	t.Helper()
	stays := map[string]bool{}
	known := map[string]bool{}
	for _, v := range pod.Volumes {
		known[v.Name] = true
		switch {
		case v.PersistentVolumeClaim != nil:
			stays[v.Name] = true
			if !there["claim "+v.PersistentVolumeClaim.ClaimName] {
				t.Errorf("there is no claim %s", v.PersistentVolumeClaim.ClaimName)
			}
		case v.ConfigMap != nil && !there["configmap "+v.ConfigMap.Name]:
			t.Errorf("there is no config map %s", v.ConfigMap.Name)
		case v.Secret != nil && !byHand[v.Secret.SecretName]:
			t.Errorf("nobody makes the secret %s", v.Secret.SecretName)
		}
	}
	c := pod.Containers[0]
	kept := false
	for _, m := range c.VolumeMounts {
		if !known[m.Name] && !there["template "+m.Name] {
			t.Errorf("there is no volume %s", m.Name)
		}
		kept = kept || m.MountPath == "/checkpoints" && (stays[m.Name] || there["template "+m.Name])
	}
	if !kept {
		t.Error("the checkpoints do not lie on a volume that stays")
	}
	for _, source := range c.EnvFrom {
		if source.ConfigMapRef != nil && !there["configmap "+source.ConfigMapRef.Name] {
			t.Errorf("there is no config map %s", source.ConfigMapRef.Name)
		}
	}
	stop := c.Lifecycle
	if stop == nil || stop.PreStop == nil || stop.PreStop.Exec == nil || strings.Join(stop.PreStop.Exec.Command, " ") != "killall -TERM sess-search" {
		t.Error("a pod that is ended does not end from its first stage")
	}
	if g := pod.TerminationGracePeriodSeconds; g == nil || *g < 10 {
		t.Error("a pod that is ended has no time to deliver what it has")
	}
	if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation {
		t.Error("the container may do more than it needs")
	}
	if !strings.Contains(c.Image, "/sess-sh:") {
		t.Errorf("the image is %s", c.Image)
	}
}
