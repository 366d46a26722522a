/*
 * The first process of a pod: it holds the pod's namespaces, and reaps what its containers leave behind where the pod shares
 * one namespace of processes. It ends at SIGINT and SIGTERM, which process 1 would ignore without handlers.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGCHLD);
    /* Blocked signals stay pending until they are asked for, so none is lost between two of them. */
    if (sigprocmask(SIG_BLOCK, &awaited, NULL) != 0) {
        return 1;
    }
    for (;;) {
        int signal = sigwaitinfo(&awaited, NULL);
        if (signal == SIGINT || signal == SIGTERM) {
            return 0;
        }
        if (signal < 0 && errno != EINTR) {
            return 1;
        }
        while (waitpid(-1, NULL, WNOHANG) > 0) {
        }
    }
}
