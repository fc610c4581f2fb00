/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only the SQLite backend promises: files and their modes, the lock, refusals at the start, a
 * full disk, a failing one, damage.
 */
#include "store_bed.h"

#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "torture.h"

static struct store_bed bed;

static int set_up(void **state)
{
	(void)state;
	store_bed_init(&bed, "sqlite");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fault_disarm();
	store_bed_fini(&bed);
	return 0;
}

static void open_ok(void)
{
	struct mb_err err;

	if (store_bed_open(&bed, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
}

static void refused(const char *story)
{
	struct mb_err err;

	assert_int_equal(store_bed_open(&bed, &err), MB_STORE_UNAVAILABLE);
	assert_null(bed.store);
	if (strstr(err.text, story) == NULL) {
		fail_msg("refused with other words: %s", err.text);
	}
}

/* Runs SQL beside memberd, as a tool would. */
static void sql(const char *text)
{
	char *why = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(bed.path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) {
		fail_msg("%s: %s", text, why);
	}
	sqlite3_close(db);
}

/* Connections that close at the same moment leave the WAL to each other; after this all is in the file. */
static void close_whole(void)
{
	store_bed_close(&bed);
	sql("PRAGMA wal_checkpoint(TRUNCATE)");
}

/* ---- jobs ---- */

static char blob[100000];

static enum mb_code put_blob(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const int64_t *member_id = bed_data(job);
	struct member_row row = {
		.member_id = *member_id, .revision = 1, .profile = {blob, sizeof(blob)}};
	enum mb_code code = store_put_member(view, &row, err);

	return code != MB_OK
		       ? code
		       : store_add_outbox(view, &(struct outbox_row){.member_id = *member_id}, err);
}

static enum mb_code write_blob(int64_t member_id, struct mb_err *err)
{
	return store_bed_run(&bed, STORE_WRITE, put_blob, &member_id, err);
}

static enum mb_code see_blob(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct arena *arena = arena_create(NULL, 0);
	const int64_t *member_id = bed_data(job);
	struct member_row row;
	struct outbox_row *out;
	bool found, told = false;
	size_t n;
	enum mb_code code = store_get_member(view, *member_id, arena, &row, &found, err);

	if (code == MB_OK) {
		code = store_list_outbox(view, 0, SIZE_MAX, arena, &out, &n, err);
	}
	for (size_t i = 0; code == MB_OK && i < n; i++) {
		told = told || out[i].member_id == *member_id;
	}
	arena_destroy(arena);
	if (code == MB_OK && found != told) {
		return mb_fail(err, MB_INTERNAL, "half a job");
	}
	return code != MB_OK || found ? code : MB_MEMBER_NOT_FOUND;
}

static enum mb_code read_blob(int64_t member_id)
{
	return store_bed_run(&bed, STORE_READ, see_blob, &member_id, NULL);
}

/* ---- files ---- */

static unsigned mode_of(const char *ending)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s%s", bed.path, ending);
	if (stat(path, &st) != 0) {
		fail_msg("%s: %s", path, strerror(errno));
	}
	return st.st_mode & 07777;
}

static void files_are_for_their_owner_only(void **state)
{
	mode_t before = umask(0);

	(void)state;
	open_ok();
	assert_int_equal(write_blob(1, NULL), MB_OK);
	assert_int_equal(mode_of(""), 0600);
	assert_int_equal(mode_of("-wal"), 0600);
	assert_int_equal(mode_of("-shm"), 0600);
	assert_int_equal(mode_of(".lock"), 0600);
	store_bed_close(&bed);
	/* what an older day left wider is narrowed */
	assert_int_equal(chmod(bed.path, 0644), 0);
	open_ok();
	assert_int_equal(mode_of(""), 0600);
	umask(before);
}

static enum mb_code put_word(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	return store_put_meta(view, STR("word"), str_from(bed_data(job)), err);
}

static bool file_has(const char *word)
{
	struct stat st;
	int fd = open(bed.path, O_RDONLY);
	bool has = false;
	char *bytes;

	assert_int_equal(fstat(fd, &st), 0);
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true((void *)bytes != MAP_FAILED);
	for (off_t i = 0; !has && i + (off_t)strlen(word) <= st.st_size; i++) {
		has = memcmp(bytes + i, word, strlen(word)) == 0;
	}
	munmap(bytes, (size_t)st.st_size);
	close(fd);
	return has;
}

/* Over several pages, which are free afterwards. */
static void what_is_replaced_is_overwritten(void **state)
{
	static const char word[] = "what nobody may find again once it is gone";
	static char text[20000];

	(void)state;
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		text[i] = word[i % (sizeof(word) - 1)];
	}
	open_ok();
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, put_word, text, NULL), MB_OK);
	close_whole();
	assert_true(file_has(word));
	open_ok();
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, put_word, (char[]){"x"}, NULL), MB_OK);
	close_whole();
	assert_false(file_has(word));
}

/* The one that SQLite calls, by name. */
static atomic_int syncs;

int fdatasync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_fdatasync, fd);
}

static void whoever_is_answered_is_on_the_disk(void **state)
{
	(void)state;
	open_ok();
	for (int64_t id = 1; id <= 20; id++) {
		int before = atomic_load(&syncs);

		assert_int_equal(write_blob(id, NULL), MB_OK);
		assert_true(atomic_load(&syncs) > before);
	}
}

static void what_was_written_is_there_after_a_restart(void **state)
{
	unsigned char id[STORE_ID_BYTES];
	struct bed_job job;
	int64_t member_id = 1, known_at;

	(void)state;
	open_ok();
	memcpy(id, store_id(bed.store), sizeof(id));
	bed_job_init(&job, STORE_WRITE, put_blob, &member_id);
	store_submit(bed.store, &job.job);
	store_bed_wait(&bed, &job);
	known_at = job.job.known_at;
	store_bed_close(&bed);

	/* the clock stepped back while nobody ran */
	clock_set(&bed.clock, BED_NOW - US_PER_DAY);
	open_ok();
	assert_memory_equal(store_id(bed.store), id, sizeof(id));
	assert_int_equal(read_blob(1), MB_OK);
	bed_job_init(&job, STORE_WRITE, put_blob, &member_id);
	store_submit(bed.store, &job.job);
	store_bed_wait(&bed, &job);
	assert_true(job.job.known_at == known_at + 1);
	store_bed_close(&bed);

	bed.options.new_store_id = true;
	open_ok();
	assert_memory_not_equal(store_id(bed.store), id, sizeof(id));
	assert_int_equal(read_blob(1), MB_OK);
}

static void a_second_owner_is_refused_and_told_who_has_it(void **state)
{
	struct store_bed second;
	struct mb_err err;
	char pid[24];

	(void)state;
	open_ok();
	store_bed_init(&second, "memory");
	second.options.path = bed.path;
	assert_int_equal(store_open_sqlite(&second.options, &second.store, &err),
			 MB_STORE_UNAVAILABLE);
	snprintf(pid, sizeof(pid), "(pid %ld)", (long)getpid());
	assert_non_null(strstr(err.text, pid));
	assert_non_null(strstr(err.text, "stop it first"));
	store_bed_fini(&second);
	/* and that harmed nobody */
	assert_int_equal(write_blob(1, NULL), MB_OK);
	store_bed_close(&bed);
	open_ok();
}

static void another_way_to_the_file_is_the_same_file(void **state)
{
	struct store_bed second;
	char link[128];
	struct mb_err err;

	(void)state;
	open_ok();
	snprintf(link, sizeof(link), "%s.link", bed.path);
	assert_int_equal(symlink(bed.path, link), 0);
	store_bed_init(&second, "memory");
	second.options.path = link;
	assert_int_equal(store_open_sqlite(&second.options, &second.store, &err),
			 MB_STORE_UNAVAILABLE);
	assert_non_null(strstr(err.text, "in use by another memberd"));
	unlink(link);
	store_bed_fini(&second);
}

/* ---- refusals at the start ---- */

static void write_file(const char *bytes, size_t len)
{
	int fd = open(bed.path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_true(write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

static void what_is_no_database_is_refused(void **state)
{
	static const char text[4096] = "this is a letter to somebody";

	(void)state;
	write_file(text, sizeof(text));
	refused("no SQLite database");
}

static void another_programs_database_is_refused(void **state)
{
	(void)state;
	sql("CREATE TABLE songs (title TEXT)");
	refused("belongs to another program");
}

static void a_missing_folder_is_told(void **state)
{
	(void)state;
	snprintf(bed.path, sizeof(bed.path), "%s/none/memberd.db", bed.dir);
	refused("make the folder first");
}

static void a_folder_in_place_of_a_file_is_told(void **state)
{
	(void)state;
	assert_int_equal(mkdir(bed.path, 0700), 0);
	refused("is no file");
	assert_int_equal(rmdir(bed.path), 0);
}

static void damage_is_refused_or_told(void **state)
{
	char page[4096];
	int fd;

	(void)state;
	open_ok();
	assert_int_equal(write_blob(1, NULL), MB_OK);
	close_whole();
	/* from the second page on all is gone */
	memset(page, 0x5a, sizeof(page));
	fd = open(bed.path, O_WRONLY);
	for (int i = 1; i < 20; i++) {
		assert_true(pwrite(fd, page, sizeof(page), i * 4096L) == (ssize_t)sizeof(page));
	}
	close(fd);
	refused("the database is damaged: restore a backup");
}

static void a_file_cut_short_is_refused(void **state)
{
	(void)state;
	open_ok();
	assert_int_equal(write_blob(1, NULL), MB_OK);
	close_whole();
	assert_int_equal(truncate(bed.path, 4096), 0);
	refused("the database is damaged: restore a backup");
}

static void damage_found_later_stops_writing(void **state)
{
	char page[4096];
	struct mb_err err;
	struct stat st;
	int fd;

	(void)state;
	memset(blob, 'b', sizeof(blob));
	open_ok();
	for (int64_t id = 1; id <= 20; id++) {
		assert_int_equal(write_blob(id, NULL), MB_OK);
	}
	close_whole();
	/* the tables stay, the end of the last row goes */
	memset(page, 0x5a, sizeof(page));
	assert_int_equal(stat(bed.path, &st), 0);
	fd = open(bed.path, O_WRONLY);
	for (off_t at = st.st_size - 10 * 4096L; at < st.st_size; at += 4096) {
		assert_true(pwrite(fd, page, sizeof(page), at) == (ssize_t)sizeof(page));
	}
	close(fd);
	open_ok();
	assert_int_equal(write_blob(20, &err), MB_STORE_UNAVAILABLE);
	assert_non_null(strstr(err.text, "restore a backup"));
	assert_int_equal(read_blob(20), MB_STORE_UNAVAILABLE);
	assert_int_equal(read_blob(1), MB_OK);
	assert_int_equal(store_health(bed.store), STORE_READ_ONLY_FAILED);
}

/* Root may write everywhere, so somebody else tries. */
static void refused_to_another(const char *story)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct store *store;
		struct mb_err err;

		if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
			_exit(2);
		}
		if (store_open_sqlite(&bed.options, &store, &err) != MB_STORE_UNAVAILABLE) {
			_exit(3);
		}
		_exit(strstr(err.text, story) != NULL ? 0 : 4);
	}
	assert_true(waitpid(child, &status, 0) == child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_read_only_folder_is_told(void **state)
{
	(void)state;
	open_ok();
	store_bed_close(&bed);
	assert_int_equal(chmod(bed.path, 0666), 0);
	assert_int_equal(chmod(bed.dir, 0555), 0);
	refused_to_another("must be able to write in its folder");
	assert_int_equal(chmod(bed.dir, 0700), 0);
	assert_int_equal(unlink(bed.path), 0);
}

/* SQLite would open it all the same, and leave a WAL that nobody can write either. */
static void a_read_only_file_is_told(void **state)
{
	char name[sizeof(bed.path) + 8];

	(void)state;
	open_ok();
	close_whole();
	snprintf(name, sizeof(name), "%s.lock", bed.path);
	assert_int_equal(unlink(name), 0);
	assert_int_equal(chmod(bed.path, 0400), 0);
	assert_int_equal(chmod(bed.dir, 0777), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(bed.path, 65534, 65534), 0);
	}
	refused_to_another("cannot be written");
	snprintf(name, sizeof(name), "%s-wal", bed.path);
	assert_int_not_equal(access(name, F_OK), 0);
	assert_int_equal(chmod(bed.path, 0600), 0);
	open_ok();
}

/* ---- schema ---- */

static void a_newer_schema_is_refused(void **state)
{
	(void)state;
	open_ok();
	store_bed_close(&bed);
	sql("UPDATE meta SET value = 999 WHERE name = 'store.schema'");
	refused("start the newer memberd");
	sql("UPDATE meta SET value = 2 WHERE name = 'store.schema'");
	open_ok();
	store_bed_close(&bed);
	sql("UPDATE meta SET value = 999 WHERE name = 'store.payload'");
	refused("start the newer memberd");
}

static void an_older_schema_is_refused_without_leave(void **state)
{
	(void)state;
	bed.options.migrate = false;
	refused("migrate it first");
	bed.options.migrate = true;
	open_ok();
	store_bed_close(&bed);
	bed.options.migrate = false;
	open_ok();
}

static const struct sqlite_step steps[] = {
	{"CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT;"
	 "PRAGMA application_id = 0x6d627264"},
	{"CREATE TABLE second (x INTEGER)"},
	{"CREATE TABLE third (x INTEGER); INSERT INTO nowhere VALUES (1)"},
	{"CREATE TABLE fourth (x INTEGER)"},
};

static int count_rows(void *data, int n, char **values, char **names)
{
	(void)n;
	(void)names;
	*(int *)data = atoi(values[0]);
	return 0;
}

static int ask(sqlite3 *db, const char *text)
{
	int value = -1;

	assert_int_equal(sqlite3_exec(db, text, count_rows, &value, NULL), SQLITE_OK);
	return value;
}

static void each_step_is_taken_whole_or_not_at_all(void **state)
{
	struct mb_err err;
	sqlite3 *db;

	(void)state;
	assert_int_equal(sqlite3_open(bed.path, &db), SQLITE_OK);
	assert_int_equal(sqlite_migrate(db, steps, 2, true, &err), MB_OK);
	assert_int_equal(sqlite_migrate(db, steps, 2, false, &err), MB_OK);
	assert_int_equal(sqlite_migrate(db, steps, 4, false, &err), MB_STORE_UNAVAILABLE);
	assert_int_not_equal(sqlite_migrate(db, steps, 4, true, &err), MB_OK);
	assert_int_equal(ask(db, "SELECT value FROM meta WHERE name = 'store.schema'"), 2);
	assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'second'"), 1);
	assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'third'"), 0);
	assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'fourth'"), 0);
	assert_int_equal(sqlite_migrate(db, steps, 1, true, &err), MB_STORE_UNAVAILABLE);
	sqlite3_close(db);
}

/* ---- the disk ---- */

static enum mb_code limit_pages(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	(void)err;
	sqlite_limit_pages(view, *(int *)bed_data(job));
	return MB_OK;
}

static void limit(int pages)
{
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, limit_pages, &pages, NULL), MB_OK);
}

/* A page that SQLite may not have is a disk that is full. */
static void a_full_disk_is_told_and_reads_go_on(void **state)
{
	struct mb_err err;

	(void)state;
	open_ok();
	assert_int_equal(write_blob(1, NULL), MB_OK);
	limit(60);
	assert_int_equal(write_blob(2, &err), MB_STORE_FULL);
	assert_non_null(strstr(err.text, "the disk is full: make room"));
	assert_int_equal(store_health(bed.store), STORE_READ_ONLY_FULL);
	assert_int_equal(read_blob(1), MB_OK);
	assert_int_equal(read_blob(2), MB_MEMBER_NOT_FOUND);
	assert_int_equal(write_blob(3, &err), MB_STORE_FULL);
	/* room was made */
	limit(0);
	assert_int_equal(write_blob(2, &err), MB_OK);
	assert_int_equal(store_health(bed.store), STORE_HEALTHY);
	assert_int_equal(read_blob(2), MB_OK);
}

static char filler[sizeof(bed.dir) + 16];

/* In a child: the bed on a disk of 1 MiB of its own. False when this machine does not let it. */
static bool make_small_disk(void)
{
	if (syscall(SYS_unshare, CLONE_NEWNS) != 0 &&
	    syscall(SYS_unshare, CLONE_NEWNS | CLONE_NEWUSER) != 0) {
		return false;
	}
	store_bed_init(&bed, "sqlite");
	/* inside a chroot "/" is no mount point, which this refuses with EINVAL */
	if ((mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 && errno != EINVAL) ||
	    mount("none", bed.dir, "tmpfs", 0, "size=1m,mode=0700") != 0) {
		rmdir(bed.dir);
		return false;
	}
	snprintf(filler, sizeof(filler), "%s/filler", bed.dir);
	return true;
}

/* As many bytes as there is room for, at most so many. */
static void put_filler(size_t most)
{
	int fd = open(filler, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	while (most >= 1000 && write(fd, blob, 1000) > 0) {
		most -= 1000;
	}
	close(fd);
}

static int leave_small_disk(void)
{
	store_bed_close(&bed);
	umount(bed.dir);
	return rmdir(bed.dir) == 0 ? 0 : 5;
}

static int fill_small_disk(void)
{
	int64_t id = 1;
	struct mb_err err;

	put_filler(300000);
	if (store_bed_open(&bed, &err) != MB_OK) {
		return 1;
	}
	while (id < 20 && write_blob(id, &err) == MB_OK) {
		id++;
	}
	if (id == 1 || err.code != MB_STORE_FULL ||
	    store_health(bed.store) != STORE_READ_ONLY_FULL) {
		return 2;
	}
	if (read_blob(id - 1) != MB_OK || read_blob(id) != MB_MEMBER_NOT_FOUND) {
		return 3;
	}
	unlink(filler);
	if (write_blob(id, &err) != MB_OK || store_health(bed.store) != STORE_HEALTHY ||
	    read_blob(id) != MB_OK) {
		return 4;
	}
	return leave_small_disk();
}

/* The WAL's shared memory has no room, which is an error of the disk to SQLite. */
static int open_on_full_disk(void)
{
	struct mb_err err;

	if (store_bed_open(&bed, &err) != MB_OK) {
		return 1;
	}
	close_whole();
	put_filler(SIZE_MAX);
	if (store_bed_open(&bed, &err) == MB_OK || strstr(err.text, "make room") == NULL) {
		return 2;
	}
	unlink(filler);
	return store_bed_open(&bed, &err) == MB_OK ? leave_small_disk() : 3;
}

static void on_a_small_disk(int (*run)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		_exit(make_small_disk() ? run() : 77);
	}
	assert_true(waitpid(child, &status, 0) == child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77) {
		/* not cmocka's skip(), whose TAP ("not ok 1 # SKIP") Meson takes for a failure */
		print_message("# skipped: this machine lets nobody make a small disk\n");
		return;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_disk_without_room_is_full_until_there_is_some(void **state)
{
	(void)state;
	on_a_small_disk(fill_small_disk);
}

static void a_start_on_a_full_disk_says_so(void **state)
{
	(void)state;
	on_a_small_disk(open_on_full_disk);
}

static enum mb_code swallow_full(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	int64_t four = 4;
	struct bed_job inner = {.data = &four};

	(void)job;
	(void)put_blob(&inner.job, view, err);
	/* SQLite may have ended the transaction: this must not stand alone */
	(void)store_add_outbox(view, &(struct outbox_row){.member_id = 4}, err);
	return MB_OK;
}

static void nothing_of_a_group_survives_a_full_disk(void **state)
{
	struct bed_job first, second;
	int64_t three = 3;

	(void)state;
	for (unsigned long n = 1; n <= 4; n++) {
		open_ok();
		fault_arm("store.sqlite.full", n + 4); /* begin, known_at, mark, … */
		bed_job_init(&first, STORE_WRITE, put_blob, &three);
		bed_job_init(&second, STORE_WRITE, swallow_full, NULL);
		store_submit(bed.store, &first.job);
		store_submit(bed.store, &second.job);
		store_bed_wait(&bed, &first);
		store_bed_wait(&bed, &second);
		if (first.job.known_at == second.job.known_at) { /* one group */
			assert_int_equal(first.job.code, second.job.code);
		}
		fault_disarm();
		assert_int_equal(read_blob(3),
				 first.job.code == MB_OK ? MB_OK : MB_MEMBER_NOT_FOUND);
		assert_int_equal(read_blob(4),
				 second.job.code == MB_OK ? MB_OK : MB_MEMBER_NOT_FOUND);
		store_bed_close(&bed);
		assert_int_equal(unlink(bed.path), 0);
	}
}

static void a_lost_fsync_stops_writing_until_restart(void **state)
{
	struct mb_err err;

	(void)state;
	open_ok();
	assert_int_equal(write_blob(1, NULL), MB_OK);
	fault_arm("store.sqlite.commit", 1);
	assert_int_equal(write_blob(2, &err), MB_STORE_UNAVAILABLE);
	assert_int_equal(store_health(bed.store), STORE_READ_ONLY_FAILED);
	fault_disarm();
	assert_int_equal(write_blob(3, &err), MB_STORE_UNAVAILABLE);
	assert_non_null(strstr(err.text, "restart"));
	assert_int_equal(read_blob(1), MB_OK);
	assert_int_equal(read_blob(2), MB_MEMBER_NOT_FOUND);
	store_bed_close(&bed);
	open_ok();
	assert_int_equal(store_health(bed.store), STORE_HEALTHY);
	assert_int_equal(read_blob(1), MB_OK);
	assert_int_equal(write_blob(2, &err), MB_OK);
}

static void a_commit_whose_answer_was_lost_may_be_there(void **state)
{
	(void)state;
	open_ok();
	fault_arm("store.sqlite.committed", 1);
	assert_int_equal(write_blob(2, NULL), MB_STORE_UNAVAILABLE);
	fault_disarm();
	store_bed_close(&bed);
	open_ok();
	assert_int_equal(read_blob(2), MB_OK);
}

/* A quota is a disk that really says no: not ENOSPC, so for SQLite an error of the disk. */
static void a_disk_that_refuses_stops_writing_and_reads_go_on(void **state)
{
	struct rlimit before, tight;
	enum mb_code code = MB_OK;
	struct mb_err err;
	int64_t id;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	open_ok();
	assert_int_equal(write_blob(1, NULL), MB_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = (struct rlimit){.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	for (id = 2; id < 30 && code == MB_OK; id++) {
		code = write_blob(id, &err);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(code, MB_STORE_UNAVAILABLE);
	assert_int_equal(store_health(bed.store), STORE_READ_ONLY_FAILED);
	assert_int_equal(read_blob(id - 2), MB_OK);
	assert_int_equal(read_blob(id - 1), MB_MEMBER_NOT_FOUND);
	store_bed_close(&bed);
	open_ok();
	assert_int_equal(read_blob(id - 2), MB_OK);
	assert_int_equal(write_blob(id, &err), MB_OK);
}

static off_t size_of_wal(void)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s-wal", bed.path);
	return stat(path, &st) == 0 ? st.st_size : -1;
}

static void the_wal_starts_anew(void **state)
{
	off_t most = 0;

	(void)state;
	open_ok();
	sqlite_checkpoint_after(bed.store, 50);
	for (int64_t id = 1; id <= 100; id++) {
		assert_int_equal(write_blob(id, NULL), MB_OK);
		most = size_of_wal() > most ? size_of_wal() : most;
	}
	/* 10 MB were written */
	assert_true(most < 2 << 20);
}

static void a_lost_checkpoint_stops_writing(void **state)
{
	(void)state;
	open_ok();
	sqlite_checkpoint_after(bed.store, 1);
	fault_arm("store.sqlite.checkpoint", 1);
	assert_int_equal(write_blob(1, NULL), MB_OK);
	/* the checkpoint comes after the answer: the next write may find it under way */
	while (store_health(bed.store) == STORE_HEALTHY) {
		usleep(1000);
	}
	fault_disarm();
	assert_int_equal(write_blob(2, NULL), MB_STORE_UNAVAILABLE);
	assert_int_equal(read_blob(1), MB_OK);
	store_bed_close(&bed);
	open_ok();
	assert_int_equal(read_blob(1), MB_OK);
}

/* A new file each time: every failure of the start is told, and the next start works. */
static enum mb_code start_from_nothing(void *data, struct mb_err *err)
{
	enum mb_code code = store_bed_open(&bed, err);

	(void)data;
	store_bed_close(&bed);
	unlink(bed.path);
	return code;
}

static enum mb_code start_again(void *data, struct mb_err *err)
{
	enum mb_code code = store_bed_open(&bed, err);

	(void)data;
	store_bed_close(&bed);
	return code;
}

static void every_failure_of_the_start_is_told(void **state)
{
	(void)state;
	bed.options.readers = 1;
	assert_true(TORTURE(start_from_nothing, NULL) > 60);
	assert_true(TORTURE(start_again, NULL) > 60);
	open_ok();
	assert_int_equal(write_blob(1, NULL), MB_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_for_their_owner_only),
		TEST(what_is_replaced_is_overwritten),
		TEST(whoever_is_answered_is_on_the_disk),
		TEST(what_was_written_is_there_after_a_restart),
		TEST(a_second_owner_is_refused_and_told_who_has_it),
		TEST(another_way_to_the_file_is_the_same_file),
		TEST(what_is_no_database_is_refused),
		TEST(another_programs_database_is_refused),
		TEST(a_missing_folder_is_told),
		TEST(a_folder_in_place_of_a_file_is_told),
		TEST(damage_is_refused_or_told),
		TEST(a_file_cut_short_is_refused),
		TEST(damage_found_later_stops_writing),
		TEST(a_read_only_folder_is_told),
		TEST(a_read_only_file_is_told),
		TEST(a_newer_schema_is_refused),
		TEST(an_older_schema_is_refused_without_leave),
		TEST(each_step_is_taken_whole_or_not_at_all),
		TEST(a_full_disk_is_told_and_reads_go_on),
		cmocka_unit_test(a_disk_without_room_is_full_until_there_is_some),
		cmocka_unit_test(a_start_on_a_full_disk_says_so),
		TEST(nothing_of_a_group_survives_a_full_disk),
		TEST(a_lost_fsync_stops_writing_until_restart),
		TEST(a_commit_whose_answer_was_lost_may_be_there),
		TEST(a_disk_that_refuses_stops_writing_and_reads_go_on),
		TEST(the_wal_starts_anew),
		TEST(a_lost_checkpoint_stops_writing),
		TEST(every_failure_of_the_start_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
