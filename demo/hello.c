/*
 * Says which node it runs on: once at the start, and to everybody who asks at port 8080 (HTTP/1.0). `hello once` says it and ends.
 * The name of the node comes from NODE_NAME. As process 1 of a container it ends at SIGTERM, which would be ignored otherwise.
 */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <unistd.h>

enum { PORT = 8080, BACKLOG = 16, REQUEST_BYTES = 4096, PATIENCE_S = 5 };

static void leave(int signal) {
    (void)signal;
    _exit(0);
}

static int listening(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_ANY)};
    int server = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    if (server < 0 || setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, BACKLOG) != 0) {
        perror("hello: port 8080");
        exit(1);
    }
    return server;
}

static void answer(int client, const char *greeting) {
    struct timeval patience = {.tv_sec = PATIENCE_S};
    char request[REQUEST_BYTES];
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    /* One read: whatever was asked for, the answer is the same. */
    if (read(client, request, sizeof request) > 0) {
        dprintf(client, "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s", strlen(greeting), greeting);
    }
    close(client);
}

int main(int count, char **arguments) {
    const char *node = getenv("NODE_NAME");
    struct utsname machine;
    char greeting[512];
    signal(SIGTERM, leave);
    signal(SIGPIPE, SIG_IGN);
    uname(&machine);
    snprintf(greeting, sizeof greeting, "hello from %s (%s)\n", node ? node : machine.nodename, machine.machine);
    fputs(greeting, stdout);
    fflush(stdout);
    if (count > 1 && strcmp(arguments[1], "once") == 0) {
        return 0;
    }
    int server = listening();
    for (;;) {
        int client = accept(server, NULL, NULL);
        if (client >= 0) {
            answer(client, greeting);
        }
    }
}
