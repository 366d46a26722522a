package sysinfo

// files that components open by name, each found out by what fails without it.
var files = []struct {
	name string
	what string
	todo string
}{
	{"dev/null", "starting containers and CNI plugins", "mount devtmpfs at /dev, or make it: mknod -m 666 /dev/null c 1 3"},
	{"etc/passwd", "the kubelet, which looks for its user there", "make it with the line: root:x:0:0:root:/root:/bin/sh"},
}

func checkFiles(host Host, role Role) []Result {
	if !role.works() {
		return nil
	}
	var results []Result
	for _, file := range files {
		result := passed("file /"+file.name, file.what, Required, "there")
		if !exists(host.Root, file.name) {
			result.Verdict, result.Found, result.ToDo = Rejected, "missing", file.todo
		}
		results = append(results, result)
	}
	return results
}
