/*
 * Starts the program that lies beside this executable, with the libraries and the loader that lie beside it, so that nothing
 * of the system's C library takes part:
 *
 *     bin/NAME                                  this executable, static
 *     lib/NAME/{ld-linux-*.so.*, lib*.so.*, NAME}   what it starts
 *
 * NAME is defined on the compiler's command line. No memory is allocated: paths have the length that the kernel accepts at
 * most.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define PLACE "/../lib/" NAME

/* The loader's name is part of each architecture's ABI. */
#if defined(__x86_64__)
#define LOADER "/ld-linux-x86-64.so.2"
#elif defined(__aarch64__)
#define LOADER "/ld-linux-aarch64.so.1"
#elif defined(__arm__) && defined(__ARM_PCS_VFP)
#define LOADER "/ld-linux-armhf.so.3"
#else
#error "no loader is known for this architecture"
#endif

/* As a shell does: 126 for what cannot be started. */
enum { CANNOT_START = 126, ADDED_ARGUMENTS = 8 };

static void say(const char *text) {
    /* Where even stderr is closed, the exit status has to do. */
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

/* Joins a and b in the PATH_MAX bytes at target; 0 where they do not fit. */
static int join(char *target, const char *a, const char *b) {
    size_t first = strlen(a), second = strlen(b);
    if (first + second >= PATH_MAX) {
        return 0;
    }
    memcpy(target, a, first);
    memcpy(target + first, b, second + 1);
    return 1;
}

/* Whether the loader lies where it should, seen from the executable at `self`; its directory is written to `place`. */
static int find_beside(char *place, const char *self) {
    char directory[PATH_MAX], loader[PATH_MAX];
    if (!join(directory, self, "")) {
        return 0;
    }
    char *slash = strrchr(directory, '/');
    if (slash == NULL) {
        return 0;
    }
    *slash = '\0';
    return join(place, directory, PLACE) && join(loader, place, LOADER) && access(loader, F_OK) == 0;
}

/*
 * The path that the kernel was told comes first: it is right in a chroot without /proc and under an emulator. It fails for
 * a link to this executable from elsewhere, which /proc knows how to follow.
 */
static int find_place(char *place, char *self) {
    unsigned long told = getauxval(AT_EXECFN);
    if (told != 0 && find_beside(place, (const char *)told)) {
        return 1;
    }
    ssize_t length = readlink("/proc/self/exe", self, PATH_MAX - 1);
    self[length < 0 ? 0 : length] = '\0';
    return find_beside(place, self);
}

/* Settings of the system's loader (LD_PRELOAD, LD_LIBRARY_PATH) would bring libraries that do not fit. */
static void forget_loader_settings(char **environment) {
    char **kept = environment;
    for (char **entry = environment; *entry != NULL; entry++) {
        if (strncmp(*entry, "LD_", 3) != 0) {
            *kept++ = *entry;
        }
    }
    *kept = NULL;
}

int main(int argc, char **argv, char **environment) {
    static char place[PATH_MAX], self[PATH_MAX], loader[PATH_MAX], program[PATH_MAX];
    if (!find_place(place, self)) {
        say(NAME ": there is no ");
        say(place[0] != '\0' ? place : ".." PLACE);
        say(LOADER ", which should lie beside this executable; run 'kedge payload unpack', which makes both\n");
        return CANNOT_START;
    }
    join(loader, place, LOADER);
    if (!join(program, place, "/" NAME)) {
        say(NAME ": the path of this executable is too long\n");
        return CANNOT_START;
    }
    forget_loader_settings(environment);
    /* The kernel bounds all arguments to a quarter of the stack, so there is room for the pointers once more. */
    char *arguments[argc + ADDED_ARGUMENTS];
    int count = 0;
    arguments[count++] = loader;
    arguments[count++] = "--inhibit-cache";
    arguments[count++] = "--library-path";
    arguments[count++] = place;
    arguments[count++] = "--argv0";
    arguments[count++] = NAME;
    arguments[count++] = program;
    for (int next = 1; next < argc; next++) {
        arguments[count++] = argv[next];
    }
    arguments[count] = NULL;
    execve(loader, arguments, environment);
    int reason = errno;
    say(NAME ": cannot start ");
    say(loader);
    say(": ");
    say(strerror(reason));
    say("\n");
    return CANNOT_START;
}
