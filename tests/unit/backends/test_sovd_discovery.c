/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/sovd/discovery.h"
#include "tests/unit/backends/sovd_support.h"
#include <errno.h>

/* A server in texts. A path that is not there answers 404. */
struct page {
        const char *path, *body;
        unsigned status; /* 0 = 200 */
};

struct book {
        struct fetcher fetcher;
        struct sovd_call *call;
        const struct page *pages;
        const char *lost_at; /* the server is lost when this path is asked for */
        unsigned n_gets;
        struct view *views[4]; /* freed at the end */
        size_t n_views;
};

static int get(struct fetcher *fetcher, const char *path, unsigned *ret_status, struct cJSON **ret) {
        struct book *book = (struct book *)fetcher;

        book->n_gets++;
        if (sovd_streq(path, book->lost_at))
                return -EIO;
        *ret_status = 404;
        for (const struct page *page = book->pages; page->path; page++)
                if (strcmp(page->path, path) == 0) {
                        *ret_status = page->status ? page->status : 200;
                        *ret = page->body ? json_of(book->call, page->body) : NULL;
                        break;
                }
        return 0;
}

static int discover(struct book *book, const struct page *pages, const struct view *before,
                    struct view **ret) {
        unsigned status;

        assert_int_equal(view_new(ret, 100), 0);
        book->views[book->n_views++] = *ret;
        book->fetcher.get = get;
        book->pages = pages;
        assert_int_equal(get(&book->fetcher, "/components", &status, &book->fetcher.components), 0);
        return discovery_detect(book->fetcher.components)->discover(&book->fetcher, *ret, before);
}

static int book_set_up(void **state) {
        struct book *book = calloc(1, sizeof(*book));

        assert_int_equal(set_up(state), 0);
        book->call = &((struct fixture *)*state)->call;
        *state = book;
        return 0;
}

static int book_tear_down(void **state) {
        struct book *book = *state;
        void *fixture = (char *)book->call - offsetof(struct fixture, call);

        for (size_t i = 0; i < book->n_views; i++)
                view_free(book->views[i]);
        free(book);
        return tear_down(&fixture);
}

static const struct sovd_entity_spec *find(const struct view *view, enum sovd_entity_type type,
                                           const char *id) {
        ssize_t i = view_find(view, type, id);

        assert_true(i >= 0);
        return &view->entities[i];
}

static void dialect_is_told_by_the_first_list(void **state) {
        struct book *book = *state;

        assert_ptr_equal(discovery_detect(json_of(book->call, "{\"items\":[]}")), &dialect_iso);
        assert_ptr_equal(discovery_detect(json_of(book->call, "{\"value\":[],\"@odata.count\":0}")),
                         &dialect_odata);
        assert_ptr_equal(discovery_detect(json_of(book->call, "{\"value\":[],\"items\":[]}")), &dialect_iso);
        assert_null(discovery_detect(json_of(book->call, "{\"items\":5}")));
        assert_null(discovery_detect(json_of(book->call, "[]")));
        assert_null(discovery_detect(NULL));
}

#define REF(kind, id) "{\"id\":\"" id "\",\"name\":\"N\",\"href\":\"http://localhost/" kind "/" id "\"}"

static const struct page iso_pages[] = {
        { "/components", "{\"items\":[" REF("components", "bms") "]}" },
        { "/areas", "{\"items\":[" REF("areas", "front") "]}" },
        { "/apps", "{\"items\":[" REF("apps", "hub") "]}" },
        { "/components/bms",
          "{\"id\":\"bms\",\"name\":\"Battery\",\"variant\":{\"a\":1.0},\"data\":\"x\",\"faults\":\"x\","
          "\"modes\":7,\"subcomponents\":\"x\",\"hosts\":\"x\",\"related-apps\":\"x\"}" },
        { "/components/bms/subcomponents",
          "{\"items\":[" REF("subcomponents", "cell") "," REF("x", "bms") "]}" },
        { "/components/bms/subcomponents/cell", "{\"id\":\"cell\",\"name\":\"Cell\",\"data\":\"x\"}" },
        { "/components/bms/hosts", "{\"items\":[" REF("apps", "hub") "]}" },
        { "/areas/front", "{\"id\":\"front\",\"name\":\"Front\",\"contains\":\"x\"}" },
        { "/areas/front/contains", "{\"items\":[" REF("components", "bms") "," REF("apps", "hub") "]}" },
        { "/apps/hub", "{\"id\":\"hub\",\"name\":\"Hub\",\"operations\":\"x\",\"depends-on\":\"x\"}" },
        { "/apps/hub/depends-on", "{\"items\":[" REF("functions", "drive") "]}" },
        { 0 },
};

static void iso_entities_come_with_collections_and_relations(void **state) {
        struct view *view;

        assert_int_equal(discover(*state, iso_pages, NULL, &view), 0);
        assert_int_equal(view->n, 4);
        const struct sovd_entity_spec *e = find(view, SOVD_COMPONENT, "bms");
        assert_string_equal(e->name, "Battery");
        assert_string_equal(e->variant, "{\"a\":1.0}");
        assert_int_equal(e->collections, 1u << SOVD_COLLECTION_DATA | 1u << SOVD_COLLECTION_FAULTS);
        assert_int_equal(e->relations[SOVD_RELATION_HOSTS].n, 1);
        assert_string_equal(e->relations[SOVD_RELATION_HOSTS].items[0], "hub");
        e = find(view, SOVD_AREA, "front");
        assert_int_equal(e->relations[SOVD_RELATION_CONTAINS].n, 2);
        assert_string_equal(e->relations[SOVD_RELATION_CONTAINS].items[0], "components/bms");
        assert_string_equal(e->relations[SOVD_RELATION_CONTAINS].items[1], "apps/hub");
        e = find(view, SOVD_APP, "hub");
        assert_string_equal(e->relations[SOVD_RELATION_DEPENDS_ON].items[0], "functions/drive");
}

static void iso_sub_entity_keeps_the_path_it_was_found_at(void **state) {
        struct book *book = *state;
        struct view *first, *second;

        assert_int_equal(discover(book, iso_pages, NULL, &first), 0);
        assert_string_equal(first->paths[view_find(first, SOVD_COMPONENT, "cell")],
                            "/components/bms/subcomponents/cell");
        assert_null(first->paths[view_find(first, SOVD_COMPONENT, "bms")]);

        unsigned n_first = book->n_gets;
        assert_int_equal(discover(book, iso_pages, first, &second), 0);
        assert_true(view_equals(first, second));
        assert_int_equal(book->n_gets, 2 * n_first - 1); /* it does not look at the top again */
}

static void iso_entity_without_a_body_keeps_what_it_offered(void **state) {
        static const struct page broken[] = {
                { "/components", "{\"items\":[" REF("components", "bms") "," REF("components", "new") "]}" },
                { "/areas", NULL, 503 },
                { "/apps", NULL, FETCH_UNUSABLE },
                { "/components/bms", NULL, 500 },
                { "/components/new", NULL, 500 },
                { 0 },
        };
        struct view *first, *second;

        assert_int_equal(discover(*state, iso_pages, NULL, &first), 0);
        assert_int_equal(discover(*state, broken, first, &second), 0);
        assert_int_equal(find(second, SOVD_COMPONENT, "bms")->collections,
                         find(first, SOVD_COMPONENT, "bms")->collections);
        assert_int_equal(find(second, SOVD_COMPONENT, "new")->collections, ALL_COLLECTIONS);
        assert_int_equal(find(second, SOVD_AREA, "front")->relations[SOVD_RELATION_CONTAINS].n, 2);
        (void)find(second, SOVD_APP, "hub");
}

static void iso_list_that_is_gone_takes_its_entities_along(void **state) {
        static const struct page less[] = { { "/components", "{\"items\":[]}" }, { 0 } };
        struct view *first, *second;

        assert_int_equal(discover(*state, iso_pages, NULL, &first), 0);
        assert_int_equal(discover(*state, less, first, &second), 0);
        assert_int_equal(second->n, 0);
}

static void entity_with_a_bad_id_is_left_out_and_counted(void **state) {
        static const struct page pages[] = {
                { "/components",
                  "{\"items\":[{\"id\":\"a/b\"},{\"id\":\"status\"},{\"name\":\"x\"},7,{\"id\":\"ok\"}]}" },
                { 0 },
        };
        struct view *view;

        assert_int_equal(discover(*state, pages, NULL, &view), 0);
        assert_int_equal(view->n, 1);
        assert_int_equal(view->n_skipped, 4);
}

static void ring_of_sub_entities_ends(void **state) {
        static const struct page pages[] = {
                { "/components", "{\"items\":[" REF("components", "a") "]}" },
                { "/components/a", "{\"subcomponents\":\"x\"}" },
                { "/components/a/subcomponents", "{\"items\":[" REF("components", "b") "]}" },
                { "/components/b", "{\"subcomponents\":\"x\"}" },
                { "/components/b/subcomponents", "{\"items\":[" REF("components", "a") "]}" },
                { 0 },
        };
        struct view *view;

        assert_int_equal(discover(*state, pages, NULL, &view), 0);
        assert_int_equal(view->n, 2);
        assert_null(view->paths[1]);
}

static void lost_server_ends_the_discovery(void **state) {
        struct book *book = *state;
        struct view *view;

        book->lost_at = "/components/bms/hosts";
        assert_int_equal(discover(book, iso_pages, NULL, &view), -EIO);
}

static void outline_offers_everything_of_what_was_never_looked_at(void **state) {
        struct book *book = *state;
        struct view *view;

        assert_int_equal(view_new(&view, 100), 0);
        book->views[book->n_views++] = view;
        struct cJSON *list = json_of(book->call, "{\"value\":[{\"id\":\"a\",\"name\":\"A\"},"
                                                 "{\"id\":\"b/c\"}]}");
        assert_int_equal(discovery_outline(view, NULL, list), 0);
        assert_int_equal(view->n, 1);
        assert_int_equal(view->n_skipped, 1);
        assert_string_equal(find(view, SOVD_COMPONENT, "a")->name, "A");
        assert_int_equal(find(view, SOVD_COMPONENT, "a")->collections, ALL_COLLECTIONS);
}

static void outline_keeps_what_was_known_and_adds_what_is_new(void **state) {
        struct book *book = *state;
        struct view *first, *second;

        assert_int_equal(discover(book, iso_pages, NULL, &first), 0);
        assert_int_equal(view_new(&second, 100), 0);
        book->views[book->n_views++] = second;
        struct cJSON *list = json_of(book->call, "{\"items\":[" REF("components", "bms") "]}");
        assert_int_equal(discovery_outline(second, first, list), 0);
        assert_int_equal(find(second, SOVD_COMPONENT, "bms")->collections,
                         find(first, SOVD_COMPONENT, "bms")->collections);
        assert_string_equal(find(second, SOVD_COMPONENT, "bms")->name, "Battery");
        assert_string_equal(second->paths[view_find(second, SOVD_COMPONENT, "cell")],
                            "/components/bms/subcomponents/cell");
        assert_int_equal(second->n, first->n);
        list = json_of(book->call, "{\"items\":[" REF("components", "new") "]}");
        assert_int_equal(discovery_outline(second, NULL, list), 0);
        assert_int_equal(find(second, SOVD_COMPONENT, "new")->collections, ALL_COLLECTIONS);
}

static void odata_groups_are_areas_and_categories_collections(void **state) {
        static const struct page pages[] = {
                { "/components",
                  "{\"value\":[{\"id\":\"bms\",\"name\":\"B\",\"category\":\"power\","
                  "\"description\":\"d\",\"softwareVersion\":\"1.2\"},{\"id\":\"old\",\"name\":\"O\"}]}" },
                { "/components/bms/capabilities", "{\"supportedCategories\":[\"data\",\"faults\"]}" },
                { "/components/bms/modes", "{\"currentMode\":\"x\"}" },
                { "/components/old/capabilities", "{\"supportedCategories\":[\"ecu\"]}" },
                { "/groups", "{\"value\":[{\"id\":\"g\",\"name\":\"G\",\"componentIds\":[\"bms\"]}]}" },
                { 0 },
        };
        struct view *view;

        assert_int_equal(discover(*state, pages, NULL, &view), 0);
        const struct sovd_entity_spec *e = find(view, SOVD_COMPONENT, "bms");
        assert_string_equal(e->category, "power");
        assert_string_equal(e->variant, "{\"softwareVersion\":\"1.2\"}");
        assert_int_equal(e->collections, 1u << SOVD_COLLECTION_DATA | 1u << SOVD_COLLECTION_FAULTS |
                                                 1u << SOVD_COLLECTION_MODES);
        e = find(view, SOVD_COMPONENT, "old");
        assert_int_equal(e->collections, 1u << SOVD_COLLECTION_DATA | 1u << SOVD_COLLECTION_FAULTS |
                                                 1u << SOVD_COLLECTION_OPERATIONS);
        assert_string_equal(find(view, SOVD_AREA, "g")->relations[SOVD_RELATION_CONTAINS].items[0],
                            "components/bms");
}

#define BOOK_TEST(f) cmocka_unit_test_setup_teardown(f, book_set_up, book_tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                BOOK_TEST(dialect_is_told_by_the_first_list),
                BOOK_TEST(iso_entities_come_with_collections_and_relations),
                BOOK_TEST(iso_sub_entity_keeps_the_path_it_was_found_at),
                BOOK_TEST(iso_entity_without_a_body_keeps_what_it_offered),
                BOOK_TEST(iso_list_that_is_gone_takes_its_entities_along),
                BOOK_TEST(entity_with_a_bad_id_is_left_out_and_counted),
                BOOK_TEST(ring_of_sub_entities_ends),
                BOOK_TEST(lost_server_ends_the_discovery),
                BOOK_TEST(outline_offers_everything_of_what_was_never_looked_at),
                BOOK_TEST(outline_keeps_what_was_known_and_adds_what_is_new),
                BOOK_TEST(odata_groups_are_areas_and_categories_collections),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
